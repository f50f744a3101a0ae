package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/keyring"
)

// keyAnswer tells of an API key. It has no id, as in django-rest-durin.
type keyAnswer struct {
	Client     string  `json:"client"`
	Created    string  `json:"created"`
	Expiry     *string `json:"expiry"`
	HasExpired bool    `json:"has_expired"`
	ExpiresIn  string  `json:"expires_in_str"`
	Token      string  `json:"token,omitempty"` // in clear
}

func (h *Handler) keyAnswer(s *durin.Session) keyAnswer {
	now := h.guard.Now()
	return keyAnswer{
		Client: s.Client.Name, Created: h.instant(s.Created), Expiry: h.isoExpiry(s),
		HasExpired: s.Expired(now), ExpiresIn: remaining(s, now),
	}
}

// key finds the caller's API key: the newest that lives, else the newest.
func (h *Handler) key(r *http.Request) (*durin.Session, error) {
	q := browse.Query{UserID: durin.SessionFrom(r.Context()).UserID, Client: h.opt.APIKeyClient, Newest: true}
	list, err := h.guard.Sessions(r.Context(), q)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if !list[i].Expired(h.guard.Now()) {
			return &list[i], nil
		}
	}
	if len(list) == 0 {
		return nil, durin.ErrNotFound
	}
	return &list[0], nil
}

// showKey tells of the key, and the key itself if Options.ShowAPIKey says so and
// its seal can be opened.
func (h *Handler) showKey(w http.ResponseWriter, r *http.Request) {
	s, err := h.key(r)
	if err != nil {
		h.guard.Fail(w, r, err)
		return
	}
	answer := h.keyAnswer(s)
	if h.opt.ShowAPIKey {
		token, err := h.guard.OpenSeal(r.Context(), s)
		if err != nil && !errors.Is(err, keyring.ErrSeal) {
			h.guard.Fail(w, r, err)
			return
		}
		answer.Token = token.Reveal()
	}
	durin.WriteJSON(w, http.StatusOK, answer)
}

var errNoKeyClient = &durin.Error{Status: http.StatusNotFound, Detail: "API keys cannot be issued: their client does not exist."}

// errCookieKey: such a key would be refused wherever a program presents it.
var errCookieKey = &durin.Error{Status: http.StatusConflict, Detail: "API keys cannot be issued: tokens of their client travel in a cookie."}

// keyClientFits reports a client that is not there, or whose tokens are of no use
// as keys.
func (h *Handler) keyClientFits(r *http.Request) (durin.Client, error) {
	c, err := h.guard.ClientByName(r.Context(), h.opt.APIKeyClient)
	switch {
	case errors.Is(err, durin.ErrUnknownClient):
		return c, errNoKeyClient
	case err == nil && c.Cookie:
		return c, errCookieKey
	}
	return c, err
}

// keyTTL is the life time of a key of c that s asks for: zero for the client's own,
// but a session that was given a time to end at makes no key that outlives it,
// unless the password was asked for.
func (h *Handler) keyTTL(s *durin.Session, c durin.Client) time.Duration {
	if s.Ceiling.IsZero() || h.opt.APIKeyPassword {
		return 0
	}
	return max(1, min(c.TTL, s.Ceiling.Sub(h.guard.Now())))
}

// askPassword checks the password that a new key takes, if it takes one, and tells
// the hash that it is right by. When it returns false the answer is written.
func (h *Handler) askPassword(w http.ResponseWriter, r *http.Request) (checked durin.Secret, ok bool) {
	if !h.opt.APIKeyPassword {
		return "", true
	}
	body, err := h.readBody(w, r)
	if err != nil {
		h.guard.Fail(w, r, err)
		return "", false
	}
	given, faults := readText(body.Fields["password"], func(s string) string { return s })
	if faults != nil {
		durin.WriteJSON(w, http.StatusBadRequest, fieldFaults{Password: faults})
		return "", false
	}
	s := durin.SessionFrom(r.Context())
	name, err := h.nameOf(r.Context(), s)
	if err != nil {
		h.guard.Fail(w, r, err)
		return "", false
	}
	u, err := h.guard.CheckPassword(r.Context(), durin.PasswordCheck{Name: name, Password: durin.Secret(given), Address: h.guard.Address(r), KnownUser: s.UserID})
	switch {
	case errors.Is(err, durin.ErrBadCredentials), err == nil && u.ID != s.UserID:
		durin.WriteJSON(w, http.StatusBadRequest, fieldFaults{Password: []string{wrongPassword}})
	case err != nil:
		h.guard.Fail(w, r, err)
	default:
		return durin.Secret(u.Password), true
	}
	return "", false
}

const wrongPassword = "This is not your password."

// nameOf is what the user logs in with, as far as that is known.
func (h *Handler) nameOf(ctx context.Context, s *durin.Session) (string, error) {
	switch {
	case h.opt.UserName != nil:
		return h.opt.UserName(ctx, s.UserID)
	case s.UserName != "":
		return s.UserName, nil
	}
	return s.UserID, nil
}

// createKey issues the key; the answer shows it, whatever the options.
func (h *Handler) createKey(w http.ResponseWriter, r *http.Request) {
	checked, ok := h.askPassword(w, r)
	if !ok {
		return
	}
	client, err := h.keyClientFits(r)
	if err != nil {
		h.guard.Fail(w, r, err)
		return
	}
	s := durin.SessionFrom(r.Context())
	issued, err := h.guard.Issue(r.Context(), durin.IssueRequest{
		UserID: s.UserID, Client: h.opt.APIKeyClient, Device: h.device(r), TTL: h.keyTTL(s, client), By: s,
		Single: true, KeepSeal: h.opt.ShowAPIKey, CheckedHash: checked,
	})
	switch {
	case errors.Is(err, durin.ErrPasswordChanged):
		durin.WriteJSON(w, http.StatusBadRequest, fieldFaults{Password: []string{wrongPassword}})
	case errors.Is(err, durin.ErrKeyExists):
		durin.WriteJSON(w, http.StatusBadRequest, []string{durin.ErrKeyExists.Error()})
	case errors.Is(err, durin.ErrUnknownClient):
		h.guard.Fail(w, r, errNoKeyClient)
	case err != nil:
		h.guard.Fail(w, r, err)
	default:
		answer := h.keyAnswer(&issued.Session)
		answer.Token = issued.Token.Reveal()
		durin.WriteJSON(w, http.StatusCreated, answer)
	}
}

func (h *Handler) deleteKey(w http.ResponseWriter, r *http.Request) {
	ended, err := h.guard.End(r.Context(), durin.Selection{UserID: durin.SessionFrom(r.Context()).UserID, Client: h.opt.APIKeyClient})
	if err == nil && ended == 0 {
		err = durin.ErrNotFound
	}
	h.done(w, r, err)
}
