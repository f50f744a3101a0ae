package account

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/internal/pages"
)

// keyPage is what the page of the API key shows.
type keyPage struct {
	Key     *durin.Session // nil: there is none
	Expired bool
	Text    string // of a new one, once
	Curl    string
}

// key is the user's API key: the newest that lives, else the newest; nil if there
// is none.
func (h *Handler) key(v *visit) (*durin.Session, error) {
	list, err := h.guard.Sessions(v.r.Context(), browse.Query{UserID: v.session.UserID, Client: h.opt.APIKeyClient, Newest: true, Limit: shown})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	for i := range list {
		if !list[i].Expired(h.guard.Now()) {
			return &list[i], nil
		}
	}
	return &list[0], nil
}

func (h *Handler) showKey(v *visit) error {
	s, err := h.key(v)
	if err != nil {
		return err
	}
	page := &keyPage{Key: s, Expired: s != nil && s.Expired(h.guard.Now()), Curl: h.curl(v.r, "…")}
	return h.show(v, "key", pages.View{Title: h.site.Text("key.title"), Here: "key", Data: page})
}

// curl is a line that works with the key, in a shell.
func (h *Handler) curl(r *http.Request, key string) string {
	to := h.opt.Example
	if to == "" {
		u := &url.URL{Scheme: h.guard.Scheme(r), Host: r.Host, Path: "/api/auth/sessions/"}
		if strings.ContainsFunc(r.Host, func(c rune) bool {
			return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune(".:-[]", c)
		}) {
			u.Host = "localhost"
		}
		to = u.String()
	}
	return "curl -H 'Authorization: " + h.opt.Scheme + " " + key + "' '" + to + "'"
}

func (h *Handler) createKey(v *visit) error {
	issued, err := h.guard.Issue(v.r.Context(), durin.IssueRequest{
		UserID: v.session.UserID, Client: h.opt.APIKeyClient, Device: h.device(v.r), Single: true, CheckedHash: v.checked, By: v.session,
	})
	switch {
	case errors.Is(err, durin.ErrKeyExists), errors.Is(err, durin.ErrTooManyTokens):
		h.site.Notify(v.w, "note", h.site.Text("key.exists"))
		h.site.Redirect(v.w, v.r, h.site.At("key"))
		return nil
	case errors.Is(err, durin.ErrUnknownClient):
		h.site.Notify(v.w, "bad", h.site.Text("key.none"))
		h.site.Redirect(v.w, v.r, h.site.At("key"))
		return nil
	case err != nil:
		return err
	}
	page := &keyPage{Key: &issued.Session, Text: issued.Token.Reveal(), Curl: h.curl(v.r, issued.Token.Reveal())}
	return h.show(v, "key", pages.View{Title: h.site.Text("key.new"), Here: "key", Data: page})
}

func (h *Handler) askReplace(v *visit) error {
	q := &pages.Question{Text: h.site.Text("key.replace.text"), Do: h.site.Text("key.replace.do"), Back: h.site.At("key")}
	if h.asks("key/replace", v) {
		h.site.AskAgain(&q.Form)
	}
	return h.ask(v, q, h.site.Text("key.replace.title"), "key")
}

func (h *Handler) replaceKey(v *visit) error {
	if err := h.endKey(v); err != nil {
		return err
	}
	return h.createKey(v)
}

func (h *Handler) endKey(v *visit) error {
	_, err := h.guard.End(v.r.Context(), durin.Selection{UserID: v.session.UserID, Client: h.opt.APIKeyClient})
	return err
}

func (h *Handler) askDelete(v *visit) error {
	q := &pages.Question{Text: h.site.Text("key.delete.text"), Do: h.site.Text("key.delete.do"), Back: h.site.At("key")}
	return h.ask(v, q, h.site.Text("key.delete.title"), "key")
}

func (h *Handler) deleteKey(v *visit) error {
	if err := h.endKey(v); err != nil {
		return err
	}
	return h.done(v, h.site.At("key"), h.site.Text("key.deleted"))
}
