package admin

import (
	"context"
	"errors"
	"strings"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/pages"
)

// userForm is the form of a user; a new one may get a password.
func (h *Handler) userForm(v *visit, u durin.User, fresh bool) *pages.Form {
	form := &pages.Form{}
	sent := !pages.Safe(v.r)
	name := form.Add(pages.Field{Name: "name", Kind: "text", Label: h.site.Text("field.user.name"), Help: h.site.Text("field.user.name.help"), Value: u.Name, Required: true, Max: durin.MaxUserName})
	if sent {
		name.Value = v.r.PostFormValue("name")
	}
	if fresh && h.opt.HashPassword != nil {
		form.Add(pages.Field{Name: "password", Kind: "password", Label: h.site.Text("field.password"), Help: h.site.Text("field.password.help"), Autocomplete: "new-password"})
	}
	check := func(key string, on bool) {
		if sent {
			on = v.r.PostFormValue(key) != ""
		}
		form.Add(pages.Field{Name: key, Kind: "check", Label: h.site.Text("field." + key), Help: h.site.Text("field." + key + ".help"), Checked: on})
	}
	check("active", u.Active)
	check("admin", u.Admin)
	h.askAgain(v, form)
	return form
}

func (h *Handler) showUserForm(v *visit, form *pages.Form, u durin.User, status int) error {
	title := h.site.Text("users.new")
	if u.ID != "" {
		title = h.site.Text("users.change.title", u.Name)
	}
	return h.show(v, "userform", pages.View{Status: status, Title: title, Here: "users", Data: struct {
		*pages.Form
		User durin.User
	}{form, u}})
}

func (h *Handler) newUser(v *visit) error {
	return h.showUserForm(v, h.userForm(v, durin.User{Active: true}, true), durin.User{}, 0)
}

func (h *Handler) addUser(v *visit) error {
	form := h.userForm(v, durin.User{}, true)
	u := durin.User{
		Name: strings.TrimSpace(v.r.PostFormValue("name")), Active: v.r.PostFormValue("active") != "", Admin: v.r.PostFormValue("admin") != "",
		Password: "!", Created: h.guard.Now(),
	}
	if err := noteFaults(form, u.Validate()); err != nil {
		return err
	}
	if given := durin.Secret(v.r.PostFormValue("password")); given != "" && h.opt.HashPassword != nil {
		hash, err := h.opt.HashPassword(v.r.Context(), u, given)
		if err = noteFaults(form, err); err != nil {
			return err
		}
		u.Password = hash
	}
	if form.Faults() == 0 {
		made, err := h.guard.CreateUser(v.r.Context(), u)
		if err == nil {
			return h.done(v, h.site.At("users", made.ID), h.site.Text("users.added", made.Name))
		}
		if err := h.userFault(form, err); err != nil {
			return err
		}
	}
	return h.showUserForm(v, form, durin.User{}, 422)
}

func (h *Handler) userFault(form *pages.Form, err error) error {
	if errors.Is(err, durin.ErrExists) {
		form.Fault("name", h.site.Text("users.taken"))
		return nil
	}
	return noteFaults(form, err)
}

func (h *Handler) editUser(v *visit) error {
	u, err := h.storeUser(v)
	if err != nil {
		return err
	}
	return h.showUserForm(v, h.userForm(v, u, false), u, 0)
}

func (h *Handler) changeUser(v *visit) error {
	u, err := h.storeUser(v)
	if err != nil {
		return err
	}
	form := h.userForm(v, u, false)
	name, active, admin := strings.TrimSpace(v.r.PostFormValue("name")), v.r.PostFormValue("active") != "", v.r.PostFormValue("admin") != ""
	if u.ID == v.user.ID && !(active && admin) {
		form.Error = h.site.Text("users.self")
	}
	changed := u
	changed.Name, changed.Active, changed.Admin = name, active, admin
	if err := noteFaults(form, changed.Validate()); err != nil {
		return err
	}
	if form.Faults() == 0 && form.Error == "" {
		_, err := h.guard.UpdateUser(v.r.Context(), u.ID, func(present *durin.User) error {
			present.Name, present.Active, present.Admin = name, active, admin
			return nil
		})
		if err == nil {
			return h.done(v, h.site.At("users", u.ID), h.site.Text("users.changed", name))
		}
		if err := h.userFault(form, err); err != nil {
			return err
		}
	}
	return h.showUserForm(v, form, u, 422)
}

// passwordForm is the form of a user's new password.
func (h *Handler) passwordForm(v *visit, u durin.User) *pages.Form {
	form := &pages.Form{}
	form.Add(pages.Field{Name: "password", Kind: "password", Label: h.site.Text("password.new"), Help: h.site.Text("password.new.help"), Required: true, Autocomplete: "new-password"})
	form.Add(pages.Field{Name: "repeat", Kind: "password", Label: h.site.Text("password.repeat"), Required: true, Autocomplete: "new-password"})
	form.Add(pages.Field{Name: "end", Kind: "check", Label: h.site.Text("password.end"), Help: h.site.Text("password.end.help"), Checked: pages.Safe(v.r) || v.r.PostFormValue("end") != ""})
	if h.opt.APIKeyClient != "" {
		form.Add(pages.Field{Name: "key", Kind: "check", Label: h.site.Text("password.key"), Help: h.site.Text("password.key.help"), Checked: v.r.PostFormValue("key") != ""})
	}
	h.askAgain(v, form)
	return form
}

func (h *Handler) showPasswordForm(v *visit, form *pages.Form, u durin.User, status int) error {
	return h.show(v, "password", pages.View{Status: status, Title: h.site.Text("password.title", u.Name), Here: "users", Data: struct {
		*pages.Form
		User durin.User
	}{form, u}})
}

func (h *Handler) askPassword(v *visit) error {
	u, err := h.storeUser(v)
	if err != nil {
		return err
	}
	return h.showPasswordForm(v, h.passwordForm(v, u), u, 0)
}

func (h *Handler) setPassword(v *visit) error {
	u, err := h.storeUser(v)
	if err != nil {
		return err
	}
	ctx := v.r.Context()
	form := h.passwordForm(v, u)
	given := durin.Secret(v.r.PostFormValue("password"))
	if given == "" {
		form.Fault("password", h.site.Text("signin.empty"))
	} else if v.r.PostFormValue("repeat") != given.Reveal() {
		form.Fault("repeat", h.site.Text("password.differs"))
	}
	if form.Faults() == 0 {
		if err := h.storePassword(ctx, form, u, given); err != nil {
			return err
		}
	}
	if form.Faults() > 0 || form.Error != "" {
		return h.showPasswordForm(v, form, u, 422)
	}
	text := h.site.Text("password.set", u.Name)
	if v.r.PostFormValue("end") != "" {
		sel := durin.Selection{UserID: u.ID, Except: v.session.ID}
		if v.r.PostFormValue("key") != "" {
			sel.Spare = h.opt.APIKeyClient
		}
		n, err := h.guard.End(ctx, sel)
		if err != nil {
			return err
		}
		text += " " + h.site.Count("tokens.revoked", n)
	}
	return h.done(v, h.site.At("users", u.ID), text)
}

// storePassword checks, hashes and writes a password.
func (h *Handler) storePassword(ctx context.Context, form *pages.Form, u durin.User, given durin.Secret) error {
	hash, err := h.opt.HashPassword(ctx, u, given)
	if err != nil {
		return noteFaults(form, err)
	}
	_, err = h.guard.UpdateUser(ctx, u.ID, func(present *durin.User) error {
		present.Password = hash
		return nil
	})
	return err
}
