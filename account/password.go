package account

import (
	"errors"
	"net/http"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/pages"
)

// passwordForm is the form of a new password. The name is there for password
// managers.
func (h *Handler) passwordForm(v *visit) (*pages.Form, error) {
	form := &pages.Form{}
	form.Add(pages.Field{Name: "current", Kind: "password", Label: h.site.Text("password.current"), Required: true, Autocomplete: "current-password"})
	form.Add(pages.Field{Name: "password", Kind: "password", Label: h.site.Text("password.new"), Help: h.site.Text("password.new.help"), Required: true, Autocomplete: "new-password"})
	form.Add(pages.Field{Name: "repeat", Kind: "password", Label: h.site.Text("password.repeat"), Required: true, Autocomplete: "new-password"})
	if h.opt.APIKeyClient != "" {
		key, err := h.key(v)
		if err != nil {
			return nil, err
		}
		if key != nil {
			form.Add(pages.Field{Name: "key", Kind: "check", Label: h.site.Text("password.key"), Help: h.site.Text("password.key.help"), Checked: v.r.PostFormValue("key") != ""})
		}
	}
	return form, nil
}

func (h *Handler) showPassword(v *visit, form *pages.Form, status int) error {
	return h.show(v, "password", pages.View{Status: status, Title: h.site.Text("password.title"), Here: "password", Data: form})
}

func (h *Handler) askPassword(v *visit) error {
	form, err := h.passwordForm(v)
	if err != nil {
		return err
	}
	return h.showPassword(v, form, 0)
}

// isOwn checks the user's present password, under the Guard's limits, and tells
// the hash that it is right by.
func (h *Handler) isOwn(v *visit, given durin.Secret) (hash string, ok bool, err error) {
	u, err := h.guard.CheckPassword(v.r.Context(), durin.PasswordCheck{
		Name: v.name, Password: given, Address: h.guard.Address(v.r), KnownUser: v.session.UserID,
	})
	if errors.Is(err, durin.ErrBadCredentials) {
		return "", false, nil
	}
	return u.Password, err == nil && u.ID == v.session.UserID, err
}

func (h *Handler) setPassword(v *visit) error {
	form, err := h.passwordForm(v)
	if err != nil {
		return err
	}
	current, given := durin.Secret(v.r.PostFormValue("current")), durin.Secret(v.r.PostFormValue("password"))
	for _, name := range []string{"current", "password", "repeat"} {
		if v.r.PostFormValue(name) == "" {
			form.Fault(name, h.site.Text("signin.empty"))
		}
	}
	if v.r.PostFormValue("repeat") != given.Reveal() {
		form.Fault("repeat", h.site.Text("password.differs"))
	}
	hash := ""
	if form.Faults() == 0 {
		var ok bool
		if hash, ok, err = h.isOwn(v, current); err != nil {
			return err
		} else if !ok {
			form.Fault("current", h.site.Text("password.wrong"))
		}
	}
	if form.Faults() == 0 {
		err := h.opt.SetPassword(v.r.Context(), durin.User{ID: v.session.UserID, Name: v.name, Password: hash}, given)
		var fault *durin.FieldError
		switch {
		case errors.As(err, &fault):
			form.Fault(fault.Field, fault.Message)
		case errors.Is(err, durin.ErrPasswordChanged):
			form.Fault("current", h.site.Text("password.wrong"))
		case err != nil:
			return err
		}
	}
	if form.Faults() > 0 || form.Error != "" {
		return h.showPassword(v, form, http.StatusUnprocessableEntity)
	}
	return h.passwordSet(v)
}

// passwordSet ends what was opened with the old password.
func (h *Handler) passwordSet(v *visit) error {
	n, err := h.endAllOthers(v)
	if err != nil {
		return err
	}
	text := h.site.Text("password.set") + " " + h.site.Count("sessions.others.ended", n)
	if h.opt.APIKeyClient != "" && v.r.PostFormValue("key") == "" {
		n, err := h.guard.End(v.r.Context(), durin.Selection{UserID: v.session.UserID, Client: h.opt.APIKeyClient})
		if err != nil {
			return err
		}
		if n > 0 {
			text += " " + h.site.Text("key.deleted")
		}
	}
	return h.done(v, h.site.Path(), text)
}
