package admin

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/pages"
)

//go:embed templates
var templates embed.FS

//go:embed texts.txt
var texts string

// maxBody bounds the forms that are read.
const maxBody = 1 << 18

// A Handler serves the pages. It is safe for concurrent use.
type Handler struct {
	guard  *durin.Guard
	opt    Options
	site   *pages.Site
	people people
	mux    *http.ServeMux
	forms  []string // the paths that take a POST
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
		Path: opts.Path, Templates: files, Texts: texts, Cookie: opts.CookieName, Origins: opts.Origins, Log: opts.Logger, Now: guard.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	h := &Handler{guard: guard, opt: opts, site: site, people: newPeople(guard, opts)}
	h.route()
	return h, nil
}

// route lists what is behind the gate.
func (h *Handler) route() {
	h.mux = http.NewServeMux()
	h.page("", h.dashboard, nil)
	h.page("clients", h.listClients, nil)
	h.page("clients/new", h.newClient, h.addClient)
	h.page("clients/bulk", h.askClients, h.bulkClients)
	h.page("clients/{id}", h.showClient, h.changeClient)
	h.page("clients/{id}/delete", h.askClient, h.deleteClient)
	h.page("tokens", h.listTokens, nil)
	h.page("tokens/new", h.newToken, h.issueToken)
	h.page("tokens/revoke", h.askTokens, h.revokeTokens)
	h.page("tokens/{id}", h.showToken, nil)
	h.page("tokens/{id}/renew", nil, h.renewToken)
	if h.opt.History != nil {
		h.page("history", h.listHistory, nil)
	}
	h.page("people/suggest", h.suggest, nil)
	h.page("users/{id}", h.showUser, nil)
	if h.opt.Users != nil {
		h.page("users", h.listUsers, nil)
		h.page("users/new", h.newUser, h.addUser)
		h.page("users/{id}/change", h.editUser, h.changeUser)
		h.page("users/{id}/delete", h.askUser, h.deleteUser)
	}
	if h.opt.HashPassword != nil && h.opt.Users != nil {
		h.page("users/{id}/password", h.askPassword, h.setPassword)
	}
}

// A visit is a request that has passed the gate.
type visit struct {
	w       http.ResponseWriter
	r       *http.Request
	user    durin.User
	session *durin.Session
	path    string // the pattern of the page's path below the site's
	former  int64  // the id of the session that was exchanged for session; 0: none was
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
		v.w, v.r, v.path = w, r, path
		act := do
		if pages.Safe(r) {
			act = show
		} else if r.Method != http.MethodPost {
			act = nil
		}
		if act == nil {
			h.message(w, r, &v.user, http.StatusMethodNotAllowed)
			return
		}
		if err := h.perform(v, act); err != nil {
			h.fail(w, r, &v.user, err)
		}
	})
	if do != nil {
		h.forms = append(h.forms, path)
	}
}

// perform does what a form asks for, or shows a page.
func (h *Handler) perform(v *visit, act action) error {
	if !pages.Safe(v.r) && h.asks(v.path, v) {
		if ok, err := h.again(v); !ok || err != nil {
			return err
		}
	}
	return act(v)
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	allowed := h.site.Protect(w, r)
	if h.site.Asset(w, r) {
		return
	}
	if !allowed {
		h.message(w, r, nil, http.StatusForbidden)
		return
	}
	if status := pages.ReadForm(w, r, maxBody); status != 0 {
		h.message(w, r, nil, status)
		return
	}
	r = h.withOrigin(r)
	switch r.URL.Path {
	case h.site.At("sign-in"):
		h.signIn(w, r)
	case h.site.At("sign-out"):
		h.signOut(w, r)
	default:
		h.enter(w, r)
	}
}

// withOrigin lets hooks know where the request comes from.
func (h *Handler) withOrigin(r *http.Request) *http.Request {
	if durin.OriginFrom(r.Context()) != (durin.Origin{}) {
		return r
	}
	d := h.device(r)
	return r.WithContext(durin.WithOrigin(r.Context(), durin.Origin{Address: d.Address, Agent: d.Agent}))
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
	h.render(v.w, v.r, page, &v.user, view)
	return nil
}

func (h *Handler) render(w http.ResponseWriter, r *http.Request, page string, who *durin.User, view pages.View) {
	h.site.Render(w, r, page, h.frame(who, view))
}

// frame is view with what stands around every page; nil is nobody.
func (h *Handler) frame(who *durin.User, view pages.View) pages.View {
	view.Brand = h.opt.Brand
	if who != nil {
		view.User, view.Nav = who.Name, h.nav()
		if view.User == "" {
			view.User = who.ID
		}
	}
	return view
}

func (h *Handler) nav() []pages.Link {
	keys := []string{"clients", "tokens"}
	if h.opt.Users != nil {
		keys = append(keys, "users")
	}
	if h.opt.History != nil {
		keys = append(keys, "history")
	}
	list := []pages.Link{{Key: "dashboard", Text: h.site.Text("nav.dashboard"), URL: h.site.Path()}}
	for _, key := range keys {
		list = append(list, pages.Link{Key: key, Text: h.site.Text("nav." + key), URL: h.site.At(key)})
	}
	return list
}

// fail answers with the page that tells of err.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, who *durin.User, err error) {
	e := durin.AsError(err)
	if e.Status >= 500 && r.Context().Err() == nil {
		h.opt.Logger.ErrorContext(r.Context(), "durin: an admin page could not be served", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	h.message(w, r, who, e.Status)
}

// message answers with a page that has only a sentence.
func (h *Handler) message(w http.ResponseWriter, r *http.Request, who *durin.User, status int) {
	h.site.Message(w, r, h.frame(who, pages.View{}), status)
}

// done says what was done on the page that comes next.
func (h *Handler) done(v *visit, to, text string) error {
	h.site.Notify(v.w, "good", text)
	h.site.Redirect(v.w, v.r, to)
	return nil
}
