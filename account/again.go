package account

import (
	"errors"
	"net/http"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/pages"
)

// rules say which forms ask for the visitor's password once it was given longer
// than Options.Recent ago: those that give lasting access. A form that is not here
// asks.
var rules = pages.Rules{
	"sessions/others":   {Why: "ends access, and has to be quick"},
	"sessions/{id}/end": {Why: "ends access, and has to be quick"},
	"key":               {Asks: pages.Always, Why: "shows a key that outlives the session, and may never end"},
	"key/replace":       {Asks: pages.Always, Why: "shows a key that outlives the session, and may never end"},
	"key/delete":        {Why: "ends access, and has to be quick"},
	"password":          {Why: "its form asks for the present password in any case"},
}

// asks reports whether the form of that path needs the visitor's password: in a
// session that was given a time to end at, in any case.
func (h *Handler) asks(path string, v *visit) bool {
	late := h.guard.Now().Sub(v.session.IssuedAt) > h.opt.Recent
	return (late || !v.session.Ceiling.IsZero()) && rules.Ask(path, v.r)
}

// again checks the visitor's password, which the form that was sent has, and
// reports whether to go on. Else it has asked for the password.
func (h *Handler) again(v *visit) (bool, error) {
	given := durin.Secret(v.r.PostFormValue(pages.PasswordField))
	if given == "" {
		fault := ""
		if v.r.PostForm.Has(pages.PasswordField) {
			fault = h.site.Text("again.empty")
		}
		return false, h.resume(v, fault)
	}
	hash, ok, err := h.isOwn(v, given)
	if err != nil {
		return false, err
	}
	if !ok {
		return false, h.resume(v, h.site.Text("again.bad"))
	}
	v.checked = durin.Secret(hash)
	return true, nil
}

// resume asks for the password, and sends the form with it.
func (h *Handler) resume(v *visit, fault string) error {
	return h.show(v, "question", pages.View{Status: http.StatusUnprocessableEntity, Title: h.site.Text("again.title"), Data: h.site.Resume(v.r, fault)})
}

// perform does what a form asks for, or shows a page.
func (h *Handler) perform(path string, v *visit, act action) error {
	if !pages.Safe(v.r) && h.asks(path, v) {
		if ok, err := h.again(v); !ok || err != nil {
			return err
		}
	}
	err := act(v)
	if v.checked != "" && errors.Is(err, durin.ErrPasswordChanged) {
		return h.resume(v, h.site.Text("again.bad"))
	}
	return err
}
