package serve

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/internal/payload"
	"github.com/durin-go/durin/loginlimit"
)

// maxHeld is how many locks are told of.
const maxHeld = 500

// A heldReport is the body of /limits.
type heldReport struct {
	Limits string     `json:"limits"` // "off", "node" or "shared"
	Held   []heldLock `json:"held"`
	More   int        `json:"more"` // how many are left out
}

type heldLock struct {
	Account string    `json:"account,omitempty"`
	Network string    `json:"network,omitempty"`
	Known   bool      `json:"known_devices,omitempty"`
	Locks   int       `json:"locks"`
	Until   time.Time `json:"until"`
}

// limits tells which accounts and addresses may not try passwords. It names users,
// so it is for callers on this host who have the key file, wherever it is served.
func limits(n *node.Node) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		keys, err := node.ReadKeys(n.Config)
		if !isLocal(r) || err != nil || !node.MayLook(keys, r.Header.Get(node.LookHeader), time.Now()) {
			n.Guard.Fail(w, r, durin.ErrNotFound)
			return
		}
		held, shared, err := n.Logins.Held(r.Context())
		if err != nil {
			n.Guard.Fail(w, r, errors.Join(durin.ErrUnavailable, err))
			return
		}
		durin.WriteJSON(w, http.StatusOK, reportHeld(n, held, shared))
	}
}

// maxLift bounds the body of a request to lift locks.
const maxLift = 16 << 10

// lift ends the locks of an account, for callers on this host who have the key file.
func lift(n *node.Node) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			n.Guard.Fail(w, r, notAllowed(r.Method))
			return
		}
		if payload.Encoded(w.Header(), r.Header) {
			n.Guard.Fail(w, r, &durin.Error{Status: http.StatusUnsupportedMediaType, Detail: "The request body has a content coding: send it without Content-Encoding."})
			return
		}
		var asked node.Lift
		keys, err := node.ReadKeys(n.Config)
		body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxLift))
		if !isLocal(r) || err != nil || body.Decode(&asked) != nil || !asked.Valid(keys, time.Now()) {
			n.Guard.Fail(w, r, durin.ErrNotFound)
			return
		}
		lifted, shared, err := n.Logins.Lift(r.Context(), n.Config.LoginNames.Account(asked.Account))
		if lifted > 0 {
			n.Audit.Record(r.Context(), unlocked(r.Context(), n, asked, lifted))
		}
		if err != nil {
			n.Guard.Fail(w, r, errors.Join(durin.ErrUnavailable, err))
			return
		}
		answer := reportHeld(n, nil, shared)
		durin.WriteJSON(w, http.StatusOK, map[string]any{"limits": answer.Limits, "lifted": lifted})
	}
}

// unlocked is what the audit log says of it. A name that no user has may be a
// password that was typed in its place.
func unlocked(ctx context.Context, n *node.Node, asked node.Lift, lifted int) audit.Entry {
	e := audit.Entry{Action: audit.LoginUnlock, Actor: audit.Actor{Kind: audit.Command, ID: asked.By}, Details: map[string]any{"locks": lifted}}
	if u, err := n.Store.UserByName(ctx, asked.Account); err == nil {
		e.UserID, e.UserName = u.ID, u.Name
	} else {
		e.Details["user"] = "unknown"
	}
	return e
}

func reportHeld(n *node.Node, held []loginlimit.Held, shared bool) heldReport {
	answer := heldReport{Limits: "node", Held: []heldLock{}}
	switch {
	case n.Logins == nil:
		answer.Limits = "off"
	case shared:
		answer.Limits = "shared"
	}
	answer.More = max(0, len(held)-maxHeld)
	for _, h := range held[:len(held)-answer.More] {
		lock := heldLock{Account: h.Account, Known: h.Known, Locks: h.Locks, Until: h.Until.UTC().Truncate(time.Second)}
		if h.Network.IsValid() {
			lock.Network = h.Network.String()
		}
		answer.Held = append(answer.Held, lock)
	}
	return answer
}
