package admin

import (
	"errors"
	"net/http"
	"slices"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/pages"
)

// rules say which forms ask for the visitor's password once it was given longer
// than Options.Recent ago: all that give lasting access, loosen a rule or cannot be
// undone. A form that is not here asks.
var rules = pages.Rules{
	"clients/new":         {Asks: pages.Always, Why: "a client decides how long and how many tokens live"},
	"clients/bulk":        {Asks: pages.Always, Why: "cannot be undone, and signs out many"},
	"clients/{id}":        {Asks: pages.Always, Why: "may loosen life time, policy, rate, and where tokens travel, for all who use the client"},
	"clients/{id}/delete": {Asks: pages.Always, Why: "cannot be undone"},
	"tokens/new":          {Asks: pages.Always, Why: "shows a token that may never end"},
	"tokens/revoke":       {Asks: several, Why: "signs out many; ending one token gives nobody access, and has to be quick"},
	"tokens/{id}/renew":   {Asks: pages.Always, Why: "prolongs access"},
	"users/new":           {Asks: pages.Always, Why: "makes somebody who can sign in"},
	"users/{id}/change":   {Asks: pages.Always, Why: "decides who may sign in, under which name, and who is an administrator"},
	"users/{id}/delete":   {Asks: pages.Always, Why: "cannot be undone"},
	"users/{id}/password": {Asks: pages.Always, Why: "gives access as that user"},
}

// several reports that more than one token is to be revoked.
func several(r *http.Request) bool {
	q := r.URL.Query()
	ids := slices.Clone(q["id"])
	slices.Sort(ids)
	return q.Get("all") != "" || len(slices.Compact(ids)) > 1
}

// asks reports whether the form of that path needs the visitor's password.
func (h *Handler) asks(path string, v *visit) bool {
	return h.guard.Now().Sub(v.session.IssuedAt) > h.opt.Recent && rules.Ask(path, v.r)
}

// askAgain adds a field for the visitor's password to a form that is shown, where
// sending it will need one.
func (h *Handler) askAgain(v *visit, form *pages.Form) {
	if pages.Safe(v.r) && h.asks(v.path, v) {
		h.site.AskAgain(form)
	}
}

// again checks the visitor's password, which the form that was sent has, and
// reports whether to go on: the session is then exchanged for a new one. Else it has
// asked for the password, and keeps what was typed.
func (h *Handler) again(v *visit) (bool, error) {
	given := durin.Secret(v.r.PostFormValue(pages.PasswordField))
	if given == "" {
		fault := ""
		if v.r.PostForm.Has(pages.PasswordField) {
			fault = h.site.Text("again.empty")
		}
		return false, h.resume(v, fault)
	}
	u, err := h.guard.CheckPassword(v.r.Context(), durin.PasswordCheck{
		Name: v.user.Name, Password: given, Address: h.guard.Address(v.r), KnownUser: v.user.ID,
	})
	if err == nil {
		if u.ID == v.user.ID {
			err = h.exchange(v, durin.Secret(u.Password))
		} else {
			err = durin.ErrBadCredentials
		}
	}
	if errors.Is(err, durin.ErrBadCredentials) || errors.Is(err, durin.ErrPasswordChanged) {
		return false, h.resume(v, h.site.Text("again.bad"))
	}
	return err == nil, err
}

// resume asks for the password, and sends the form with it.
func (h *Handler) resume(v *visit, fault string) error {
	return h.ask(v, h.site.Resume(v.r, fault), h.site.Text("again.title"), "", http.StatusUnprocessableEntity)
}

// exchange gives the visitor a new session in place of the present one. Checked is
// the hash that the password was found to be right by.
func (h *Handler) exchange(v *visit, checked durin.Secret) error {
	ctx := v.r.Context()
	issued, err := h.open(ctx, durin.IssueRequest{UserID: v.user.ID, Client: durin.AdminClient, Device: h.device(v.r), CheckedHash: checked})
	if err != nil {
		return err
	}
	if _, err := h.guard.End(ctx, durin.Selection{Digest: v.session.Digest}); err != nil {
		return err
	}
	v.former, v.session = v.session.ID, &issued.Session
	pages.SetCookie(v.w, h.opt.CookieName, issued.Token.Reveal(), 0)
	return nil
}
