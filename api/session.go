package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
)

// refreshAnswer tells the new expiry, and the token that takes the place of the
// caller's if one does.
type refreshAnswer struct {
	Expiry *string `json:"expiry"`
	Token  string  `json:"token,omitempty"` // in clear
}

func (h *Handler) refresh(w http.ResponseWriter, r *http.Request) {
	renewed, err := h.guard.Renew(r.Context(), durin.SessionFrom(r.Context()))
	if err != nil {
		h.guard.Fail(w, r, err)
		return
	}
	s := &renewed.Session
	answer := refreshAnswer{Expiry: h.expiry(s.ExpiresAt)}
	switch {
	case renewed.Token == "":
		h.guard.KeepCookie(w, r, s)
	case s.Client.Cookie:
		h.guard.SetCookie(w, renewed.Token, s)
	}
	if !s.Client.Cookie || h.opt.CookieToken {
		answer.Token = renewed.Token.Reveal()
	}
	durin.WriteJSON(w, http.StatusOK, answer)
}

func (h *Handler) logOut(w http.ResponseWriter, r *http.Request) {
	s := durin.SessionFrom(r.Context())
	h.loggedOut(w, r, s, h.guard.LogOut(r.Context(), s))
}

func (h *Handler) logOutEverywhere(w http.ResponseWriter, r *http.Request) {
	s := durin.SessionFrom(r.Context())
	h.loggedOut(w, r, s, h.guard.LogOutEverywhere(r.Context(), s))
}

// loggedOut takes the cookie from a browser whose session has ended.
func (h *Handler) loggedOut(w http.ResponseWriter, r *http.Request, s *durin.Session, err error) {
	if err == nil && s.Client.Cookie {
		h.guard.ClearCookie(w)
	}
	h.done(w, r, err)
}

// done answers what has nothing to tell.
func (h *Handler) done(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		h.guard.Fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// sessionAnswer is one row of the sessions.
type sessionAnswer struct {
	ID         int64   `json:"id"`
	Client     string  `json:"client"`
	Created    string  `json:"created"`
	Expiry     *string `json:"expiry"`
	HasExpired bool    `json:"has_expired"`
	IsCurrent  bool    `json:"is_current"`
	ExpiresIn  string  `json:"expires_in_str"`
}

// listSessions lists all sessions of the caller, expired ones among them.
func (h *Handler) listSessions(w http.ResponseWriter, r *http.Request) {
	current, now := durin.SessionFrom(r.Context()), h.guard.Now()
	rows := []sessionAnswer{}
	err := h.eachShown(r.Context(), current.UserID, func(s *durin.Session) {
		rows = append(rows, sessionAnswer{
			ID: s.ID, Client: s.Client.Name, Created: h.instant(s.Created), Expiry: h.isoExpiry(s),
			HasExpired: s.Expired(now), IsCurrent: s.ID == current.ID, ExpiresIn: remaining(s, now),
		})
	})
	if err != nil {
		h.guard.Fail(w, r, err)
		return
	}
	durin.WriteJSON(w, http.StatusOK, rows)
}

// eachShown calls f with each session of the user that is not hidden, by id.
func (h *Handler) eachShown(ctx context.Context, userID string, f func(*durin.Session)) error {
	const page = 1000
	for q := (browse.Query{UserID: userID, Limit: page}); ; {
		some, err := h.guard.Sessions(ctx, q)
		if err != nil {
			return err
		}
		for i := range some {
			if s := &some[i]; !h.hidden(s) {
				f(s)
			}
		}
		if len(some) < page {
			return nil
		}
		q.After = some[len(some)-1].ID
	}
}

// hidden reports whether s is an API key that sessions do not show.
func (h *Handler) hidden(s *durin.Session) bool {
	return h.opt.HideAPIKey && h.opt.APIKeyClient != "" && s.Client.Name == h.opt.APIKeyClient
}

// deleteSession ends a session of the caller's, but not the one in use. One that
// has ended already is as unknown as one that never was.
func (h *Handler) deleteSession(w http.ResponseWriter, r *http.Request) {
	current := durin.SessionFrom(r.Context())
	path := strings.TrimSuffix(r.URL.Path, "/")
	id, ok := sessionID(path[strings.LastIndexByte(path, '/')+1:])
	if !ok {
		h.guard.Fail(w, r, durin.ErrNotFound)
		return
	}
	err := h.endSession(r, id, current)
	if errors.Is(err, errCurrent) {
		refusal := "Can't delete token if the request is authed with it.Use " + h.opt.Prefix + "/logout/ instead."
		durin.WriteJSON(w, http.StatusBadRequest, []string{refusal})
		return
	}
	h.done(w, r, err)
}

// errCurrent: a session was to be ended by itself.
var errCurrent = errors.New("api: the session is the one in use")

// endSession ends the session with that id, if it is the caller's, shown, and
// not the one in use.
func (h *Handler) endSession(r *http.Request, id int64, current *durin.Session) error {
	list, err := h.guard.Sessions(r.Context(), browse.Query{ID: id, UserID: current.UserID, Limit: 1})
	switch {
	case err != nil:
		return err
	case len(list) == 0 || h.hidden(&list[0]):
		return durin.ErrNotFound
	case id == current.ID:
		return errCurrent
	}
	n, err := h.guard.End(r.Context(), durin.Selection{ID: id, UserID: current.UserID})
	if err == nil && n == 0 {
		err = durin.ErrNotFound
	}
	return err
}

// deleteOthers ends all sessions that the list shows but the one in use.
func (h *Handler) deleteOthers(w http.ResponseWriter, r *http.Request) {
	current := durin.SessionFrom(r.Context())
	others := durin.Selection{UserID: current.UserID, Except: current.ID}
	if !h.opt.HideAPIKey || h.opt.APIKeyClient == "" {
		_, err := h.guard.End(r.Context(), others)
		h.done(w, r, err)
		return
	}
	clients := map[string]bool{}
	err := h.eachShown(r.Context(), current.UserID, func(s *durin.Session) { clients[s.Client.Name] = true })
	for name := range clients {
		if others.Client = name; err == nil {
			_, err = h.guard.End(r.Context(), others)
		}
	}
	h.done(w, r, err)
}

// sessionID reads an id in plain decimal, as the list writes it.
func sessionID(text string) (int64, bool) {
	id, err := strconv.ParseInt(text, 10, 64)
	return id, err == nil && id > 0 && strconv.FormatInt(id, 10) == text
}
