package account

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/internal/pages"
)

//go:embed templates
var templates embed.FS

//go:embed texts.txt
var texts string

// maxBody bounds the forms that are read.
const maxBody = 1 << 16

// A Handler serves the pages. It is safe for concurrent use.
type Handler struct {
	guard *durin.Guard
	opt   Options
	site  *pages.Site
	mux   *http.ServeMux
	forms []string // the paths that take a POST
}

// New returns the pages on guard, or an error that names the option that is
// wrong.
func New(guard *durin.Guard, opts Options) (*Handler, error) {
	if err := opts.complete(guard); err != nil {
		return nil, err
	}
	files, err := fs.Sub(templates, "templates")
	if err != nil {
		return nil, err
	}
	site, err := pages.New(pages.Options{
		Path: opts.Path, Templates: files, Texts: texts, Cookie: "__Host-durin-account", Origins: opts.Origins, Log: opts.Logger, Now: guard.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	h := &Handler{guard: guard, opt: opts, site: site}
	h.route()
	return h, nil
}

// route lists what is for signed-in users.
func (h *Handler) route() {
	h.mux = http.NewServeMux()
	h.page("", h.listSessions, nil)
	h.page("sessions/others", h.askOthers, h.endOthers)
	h.page("sessions/{id}/end", h.askSession, h.endSession)
	if h.opt.APIKeyClient != "" {
		h.page("key", h.showKey, h.createKey)
		h.page("key/replace", h.askReplace, h.replaceKey)
		h.page("key/delete", h.askDelete, h.deleteKey)
	}
	if h.opt.SetPassword != nil {
		h.page("password", h.askPassword, h.setPassword)
	}
}

// A visit is a request of a signed-in user.
type visit struct {
	w       http.ResponseWriter
	r       *http.Request
	session *durin.Session
	name    string
	checked durin.Secret // the hash that the password was found to be right by, if it was asked for again
}

// An action answers a visit, or returns the error to answer with.
type action func(v *visit) error

type visitKey struct{}

// page mounts what shows a page and what its form does; nil: nothing.
func (h *Handler) page(path string, show, do action) {
	pattern := h.site.Path() + path
	if path == "" {
		pattern += "{$}"
	}
	h.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		v := r.Context().Value(visitKey{}).(*visit)
		v.w, v.r = w, r
		act := do
		if pages.Safe(r) {
			act = show
		} else if r.Method != http.MethodPost {
			act = nil
		}
		if act == nil {
			h.site.Message(w, r, h.frame(v, pages.View{}), http.StatusMethodNotAllowed)
			return
		}
		if err := h.perform(path, v, act); err != nil {
			h.fail(w, r, v, err)
		}
	})
	if do != nil {
		h.forms = append(h.forms, path)
	}
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	allowed := h.site.Protect(w, r)
	if h.site.Asset(w, r) {
		return
	}
	if !allowed {
		h.site.Message(w, r, h.frame(nil, pages.View{}), http.StatusForbidden)
		return
	}
	if status := pages.ReadForm(w, r, maxBody); status != 0 {
		h.site.Message(w, r, h.frame(nil, pages.View{}), status)
		return
	}
	if durin.OriginFrom(r.Context()) == (durin.Origin{}) {
		d := h.device(r)
		r = r.WithContext(durin.WithOrigin(r.Context(), durin.Origin{Address: d.Address, Agent: d.Agent}))
	}
	switch r.URL.Path {
	case h.site.At("sign-in"):
		h.signIn(w, r)
	case h.site.At("sign-out"):
		h.signOut(w, r)
	default:
		h.enter(w, r)
	}
}

// enter lets signed-in users in.
func (h *Handler) enter(w http.ResponseWriter, r *http.Request) {
	v, err := h.identify(r)
	switch {
	case err != nil && durin.AsError(err).Status != http.StatusUnauthorized:
		h.fail(w, r, nil, err)
	case err != nil:
		h.guard.DropCookie(w, byCookie(r), err) // it is good for nothing, here and in the application
		h.toSignIn(w, r)
	case r.URL.Path == h.site.Path() && pages.Safe(r) && h.next(r) != "":
		h.goBack(w, r, v, h.next(r))
	default:
		if _, pattern := h.mux.Handler(r); pattern == "" {
			if to := h.site.Untrailed(h.mux, r); to != "" {
				http.Redirect(w, r, to, http.StatusPermanentRedirect)
				return
			}
			h.site.Message(w, r, h.frame(v, pages.View{}), http.StatusNotFound)
			return
		}
		ctx := audit.WithActor(r.Context(), audit.Actor{Kind: audit.User, ID: v.session.UserID, Name: v.name})
		h.mux.ServeHTTP(w, r.WithContext(context.WithValue(ctx, visitKey{}, v)))
	}
}

// identify finds out who asks, by the cookie: a token in a header is for
// programs, and opens no page.
func (h *Handler) identify(r *http.Request) (*visit, error) {
	s, err := h.guard.Check(byCookie(r))
	if err == nil && s == nil {
		err = durin.ErrNoToken
	}
	if err != nil {
		return nil, err
	}
	return &visit{session: s, name: h.nameOf(r.Context(), s)}, nil
}

// byCookie is r with no other token than that in its cookie.
func byCookie(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	r.Header.Del("Authorization")
	return r
}

// nameOf is what the user signs in with, as far as that is known.
func (h *Handler) nameOf(ctx context.Context, s *durin.Session) string {
	if h.opt.UserName != nil {
		if name, err := h.opt.UserName(ctx, s.UserID); err == nil && name != "" {
			return name
		}
	}
	if s.UserName != "" {
		return s.UserName
	}
	return s.UserID
}

func (h *Handler) toSignIn(w http.ResponseWriter, r *http.Request) {
	to, next := h.site.At("sign-in"), ""
	switch {
	case !pages.Safe(r):
		h.site.Notify(w, "note", h.site.Text("signin.over"))
	case r.URL.Path == h.site.Path():
		next = h.next(r)
	default:
		next = r.URL.RequestURI()
	}
	if next != "" {
		to += "?next=" + url.QueryEscape(next)
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
	next := h.next(r)
	if pages.Safe(r) && next != "" {
		if v, err := h.identify(r); err == nil {
			h.goBack(w, r, v, next)
			return
		}
	}
	if u, err := url.Parse(next); err == nil && u.Host != "" {
		h.site.LeadTo(w, u.Scheme+"://"+u.Host)
	}
	form := &signInForm{Next: cmp.Or(next, h.site.Path()), Plain: pages.IsPlain(r)}
	name := form.Add(pages.Field{Name: "name", Kind: "text", Label: h.site.Text("signin.name"), Required: true, Autocomplete: "username", Max: durin.MaxUserName, Value: r.PostFormValue("name")})
	password := form.Add(pages.Field{Name: "password", Kind: "password", Label: h.site.Text("signin.password"), Required: true, Autocomplete: "current-password"})
	show := func(status int) {
		h.site.Render(w, r, "sign-in", h.frame(nil, pages.View{Status: status, Title: h.site.Text("signin.title"), Data: form}))
	}
	if r.Method != http.MethodPost {
		show(http.StatusOK)
		return
	}
	given := durin.Secret(r.PostFormValue("password"))
	if name.Value == "" {
		name.Error = h.site.Text("signin.empty")
	}
	if given == "" {
		password.Error = h.site.Text("signin.empty")
	}
	if form.Faults() > 0 {
		show(http.StatusUnprocessableEntity)
		return
	}
	in, err := h.logIn(r, name.Value, given)
	switch {
	case errors.Is(err, durin.ErrBadCredentials):
		form.Error = h.site.Text("signin.bad")
	case errors.Is(err, durin.ErrTooManyTokens):
		form.Error = h.site.Text("signin.many")
	case err != nil:
		h.fail(w, r, nil, err)
		return
	default:
		if err := h.guard.Supersede(r, &in.Session); err != nil {
			h.fail(w, r, nil, err)
			return
		}
		h.guard.SetCookie(w, in.Token, &in.Session)
		goTo(w, form.Next)
		return
	}
	show(http.StatusUnprocessableEntity)
}

func (h *Handler) logIn(r *http.Request, name string, password durin.Secret) (durin.LoggedIn, error) {
	if err := h.prepareClient(r.Context()); err != nil {
		return durin.LoggedIn{}, err
	}
	return h.guard.Login(r.Context(), durin.LoginRequest{
		Name: name, Password: password, Client: h.opt.Client, Device: h.device(r), Address: h.guard.Address(r), KnownUser: h.guard.KnownUser(r, name),
	})
}

// signOut ends the session, and needs no live one to do so.
func (h *Handler) signOut(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		h.site.Redirect(w, r, h.site.Path())
		return
	}
	v, err := h.identify(r)
	if err == nil {
		err = h.guard.LogOut(r.Context(), v.session)
	}
	if err != nil && durin.AsError(err).Status >= http.StatusInternalServerError {
		h.fail(w, r, nil, err)
		return
	}
	h.guard.ClearCookie(w)
	h.site.Notify(w, "good", h.site.Text("signin.out"))
	h.site.Redirect(w, r, h.site.At("sign-in"))
}

func (h *Handler) device(r *http.Request) durin.Device {
	d := durin.Device{Agent: r.UserAgent()}
	if a := h.guard.Address(r); a.IsValid() {
		d.Address = a.String()
	}
	return d
}

// show answers a visit with a page.
func (h *Handler) show(v *visit, page string, view pages.View) error {
	h.site.Render(v.w, v.r, page, h.frame(v, view))
	return nil
}

// frame is view with what stands around every page; nil is nobody.
func (h *Handler) frame(v *visit, view pages.View) pages.View {
	view.Brand = h.opt.Brand
	if v == nil {
		return view
	}
	view.User = v.name
	view.Nav = []pages.Link{{Key: "sessions", Text: h.site.Text("nav.sessions"), URL: h.site.Path()}}
	if h.opt.APIKeyClient != "" {
		view.Nav = append(view.Nav, pages.Link{Key: "key", Text: h.site.Text("nav.key"), URL: h.site.At("key")})
	}
	if h.opt.SetPassword != nil {
		view.Nav = append(view.Nav, pages.Link{Key: "password", Text: h.site.Text("nav.password"), URL: h.site.At("password")})
	}
	return view
}

// fail answers with the page that tells of err; nil is nobody.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, v *visit, err error) {
	e := durin.AsError(err)
	if e.Status >= 500 && r.Context().Err() == nil {
		h.opt.Logger.ErrorContext(r.Context(), "durin: an account page could not be served", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	h.site.Message(w, r, h.frame(v, pages.View{}), e.Status)
}

// done says what was done on the page that comes next.
func (h *Handler) done(v *visit, to, text string) error {
	h.site.Notify(v.w, "good", text)
	h.site.Redirect(v.w, v.r, to)
	return nil
}
