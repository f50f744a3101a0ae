package account

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/durin-go/durin/internal/pages"
)

// maxNext bounds the addresses that sign-ins lead back to, in bytes.
const maxNext = 8 << 10

// next is the address that the field next of r names, in the form of a Location,
// if a sign-in may lead there: a path of the same origin, or a page of one of
// Options.ReturnTo. Else it is empty.
func (h *Handler) next(r *http.Request) string {
	text := r.FormValue("next")
	if len(text) > maxNext || strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '\\' }) {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.User != nil {
		return ""
	}
	if u.Scheme == "" {
		return ownPath(text)
	}
	scheme, rest, whole := strings.Cut(text, "://")
	if !whole || !strings.EqualFold(scheme, u.Scheme) || u.Host == "" || defaultPorts[u.Scheme] == "" {
		return ""
	}
	rest, whole = strings.CutPrefix(rest, u.Host)
	if !whole {
		return ""
	}
	if !strings.HasPrefix(rest, "/") {
		rest = "/" + rest
	}
	host := strings.TrimSuffix(strings.ToLower(u.Host), defaultPorts[u.Scheme])
	switch {
	case h.isOwnHost(r, host):
		return ownPath(rest)
	case h.isReturnHost(host, u.Scheme) && (u.Scheme == "https" || h.guard.Scheme(r) == "http"):
		return u.Scheme + "://" + host + rest
	}
	return ""
}

// defaultPorts are left out of hosts.
var defaultPorts = map[string]string{"https": ":443", "http": ":80"}

// ownPath is text if it is a path of the same origin: //host is none.
func ownPath(text string) string {
	if !strings.HasPrefix(text, "/") || strings.HasPrefix(text, "//") {
		return ""
	}
	return text
}

// isOwnHost reports the host that the browser has for these pages.
func (h *Handler) isOwnHost(r *http.Request, host string) bool {
	if host == strings.ToLower(r.Host) {
		return true
	}
	return slices.ContainsFunc(h.opt.Origins, func(origin string) bool {
		scheme, own, _ := strings.Cut(strings.ToLower(origin), "://")
		return host == strings.TrimSuffix(own, defaultPorts[scheme])
	})
}

func (h *Handler) isReturnHost(host, scheme string) bool {
	return slices.Contains(h.opt.ReturnTo, host) || slices.Contains(h.opt.ReturnTo, host+defaultPorts[scheme])
}

// goTo leads to an address of next.
func goTo(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to) // as it is: http.Redirect would clean its path
	w.WriteHeader(http.StatusSeeOther)
}

// goBack leads a visitor who is signed in back to where it came from. One who is
// sent here again at once is asked: an application that does not take the session
// would send it around for ever.
func (h *Handler) goBack(w http.ResponseWriter, r *http.Request, v *visit, to string) {
	if h.site.Bounce(w, r) {
		h.site.Render(w, r, "back", h.frame(v, pages.View{Title: h.site.Text("back.title"), Data: to}))
		return
	}
	goTo(w, to)
}
