package admin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/internal/header"
	"github.com/durin-go/durin/internal/pages"
)

// enter is the gate: nothing behind it is reached but by an administrator.
func (h *Handler) enter(w http.ResponseWriter, r *http.Request) {
	v, err := h.identify(r)
	switch {
	case err != nil && durin.AsError(err).Status >= http.StatusInternalServerError:
		h.fail(w, r, nil, err)
	case err != nil:
		h.toSignIn(w, r)
	default:
		h.serve(w, r, v)
	}
}

// serve hands a visit to its page.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, v *visit) {
	if _, pattern := h.mux.Handler(r); pattern == "" {
		if to := h.site.Untrailed(h.mux, r); to != "" {
			http.Redirect(w, r, to, http.StatusPermanentRedirect)
			return
		}
		h.message(w, r, &v.user, http.StatusNotFound)
		return
	}
	ctx := audit.WithActor(r.Context(), by(v.user))
	h.mux.ServeHTTP(w, r.WithContext(context.WithValue(ctx, visitKey{}, v)))
}

// by is u as the one who does something on these pages.
func by(u durin.User) audit.Actor { return audit.Actor{Kind: audit.Admin, ID: u.ID, Name: u.Name} }

// identify finds out who asks, and whether that is an administrator now.
func (h *Handler) identify(r *http.Request) (*visit, error) {
	token, err := h.cookieOf(r)
	if err != nil {
		return nil, err
	}
	s, err := h.guard.VerifyAdmin(r.Context(), token)
	if err != nil {
		return nil, err
	}
	u, err := h.people.administrator(r.Context(), s.UserID)
	if err != nil {
		return nil, err
	}
	return &visit{user: u, session: s}, nil
}

// cookieOf is the token of the pages that r bears. Of two that differ none counts.
func (h *Handler) cookieOf(r *http.Request) (durin.Secret, error) {
	var values []string
	for _, c := range r.CookiesNamed(h.opt.CookieName) {
		values = append(values, c.Value)
	}
	switch token, ok := header.Single(values); {
	case !ok:
		return "", durin.ErrInvalidToken
	case token == "":
		return "", durin.ErrNoToken
	default:
		return durin.Secret(token), nil
	}
}

// toSignIn asks to sign in, and comes back afterwards to what was to be seen.
func (h *Handler) toSignIn(w http.ResponseWriter, r *http.Request) {
	to := h.site.At("sign-in")
	if pages.Safe(r) {
		if r.URL.Path != h.site.Path() || r.URL.RawQuery != "" {
			to += "?next=" + url.QueryEscape(r.URL.RequestURI())
		}
	} else {
		h.site.Notify(w, "note", h.site.Text("signin.over"))
	}
	h.site.Redirect(w, r, to)
}

// signInForm is what the sign-in page shows.
type signInForm struct {
	pages.Form
	Next  string
	Plain bool // the browser will not keep the cookie
}

func (h *Handler) signIn(w http.ResponseWriter, r *http.Request) {
	form := &signInForm{Next: h.site.Back(r.FormValue("next")), Plain: pages.IsPlain(r)}
	name := form.Add(pages.Field{Name: "name", Kind: "text", Label: h.site.Text("signin.name"), Required: true, Autocomplete: "username", Max: durin.MaxUserName, Value: r.PostFormValue("name")})
	password := form.Add(pages.Field{Name: "password", Kind: "password", Label: h.site.Text("signin.password"), Required: true, Autocomplete: "current-password"})
	switch {
	case r.Method == http.MethodPost:
		h.trySignIn(w, r, form, name, password)
	case !pages.Safe(r):
		h.message(w, r, nil, http.StatusMethodNotAllowed)
	default:
		h.showSignIn(w, r, form, http.StatusOK)
	}
}

func (h *Handler) showSignIn(w http.ResponseWriter, r *http.Request, form *signInForm, status int) {
	h.render(w, r, "sign-in", nil, pages.View{Status: status, Title: h.site.Text("signin.title"), Data: form})
}

func (h *Handler) trySignIn(w http.ResponseWriter, r *http.Request, form *signInForm, name, password *pages.Field) {
	given := durin.Secret(r.PostFormValue("password"))
	if name.Value == "" {
		name.Error = h.site.Text("signin.empty")
	}
	if given == "" {
		password.Error = h.site.Text("signin.empty")
	}
	if form.Faults() > 0 {
		h.showSignIn(w, r, form, http.StatusUnprocessableEntity)
		return
	}
	in, err := h.logIn(r, name.Value, given)
	switch {
	case errors.Is(err, durin.ErrBadCredentials):
		form.Error = h.site.Text("signin.bad")
		h.showSignIn(w, r, form, http.StatusUnprocessableEntity)
	case err != nil:
		h.fail(w, r, nil, err)
	default:
		pages.SetCookie(w, h.opt.CookieName, in.Token.Reveal(), 0)
		h.site.Redirect(w, r, form.Next)
	}
}

// logIn checks name and password under the Guard's limits, and that they are an
// administrator's: else ErrBadCredentials, whatever is wrong.
func (h *Handler) logIn(r *http.Request, name string, password durin.Secret) (durin.LoggedIn, error) {
	return h.guard.Login(r.Context(), durin.LoginRequest{
		Name: name, Password: password, Client: durin.AdminClient, Device: h.device(r), Address: h.guard.Address(r), KnownUser: h.guard.KnownUser(r, name),
		HandOut: func(ctx context.Context, u durin.User, req durin.IssueRequest, _ durin.IssueFunc) (durin.Issued, error) {
			if _, err := h.people.administrator(ctx, u.ID); err != nil {
				return durin.Issued{}, err
			}
			return h.open(audit.WithActor(ctx, by(u)), req)
		},
	})
}

// open issues a session of the pages. The client is closed to log-ins by
// password, which keeps it out of the API; this is the one way in.
func (h *Handler) open(ctx context.Context, req durin.IssueRequest) (durin.Issued, error) {
	if err := h.prepareClient(ctx); err != nil {
		return durin.Issued{}, err
	}
	req.SignIn = true
	return h.guard.Issue(ctx, req)
}

// prepareClient makes sure that the client of the pages is there, as it must be.
func (h *Handler) prepareClient(ctx context.Context) error {
	want := durin.Client{
		Name: durin.AdminClient, TTL: h.opt.Idle, Sliding: max(h.opt.Idle/20, time.Second), MaxLife: h.opt.MaxLife,
		Policy: durin.PolicyEvict, MaxTokens: 10, NoPassword: true, Cookie: true, Description: h.site.Text("client.admin"),
	}
	ctx = audit.WithActor(ctx, audit.Actor{Kind: audit.System})
	have, err := h.guard.ClientByName(ctx, want.Name)
	switch {
	case errors.Is(err, durin.ErrUnknownClient):
		if _, err = h.guard.CreateClient(ctx, want); errors.Is(err, durin.ErrExists) {
			err = nil
		}
		return err
	case err != nil:
		return err
	}
	want.ID, want.Created = have.ID, have.Created
	if want == have {
		return nil
	}
	_, err = h.guard.UpdateClient(ctx, want.Name, func(c *durin.Client) error { *c = want; return nil })
	return err
}

// signOut ends the session, and needs no live one to do so.
func (h *Handler) signOut(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		h.site.Redirect(w, r, h.site.Path())
		return
	}
	for _, c := range r.CookiesNamed(h.opt.CookieName) {
		s, err := h.guard.VerifyAdmin(r.Context(), durin.Secret(c.Value))
		if err == nil {
			who := audit.Actor{Kind: audit.Admin, ID: s.UserID, Name: s.UserName}
			err = h.guard.LogOut(audit.WithActor(r.Context(), who), s)
		}
		if err != nil && durin.AsError(err).Status >= http.StatusInternalServerError {
			h.fail(w, r, nil, err)
			return
		}
	}
	pages.SetCookie(w, h.opt.CookieName, "", -1)
	h.site.Notify(w, "good", h.site.Text("signin.out"))
	h.site.Redirect(w, r, h.site.At("sign-in"))
}
