package pages

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// policy lets a page use what comes from its own origin, and only the kinds that
// there are: no script or style in the page itself, no frame around it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// Protect sets the headers of every page, and reports whether r may do what it
// wants to: a page of another origin must not make a browser change something.
func (s *Site) Protect(w http.ResponseWriter, r *http.Request) bool {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	return s.origins.Check(r) == nil
}

// LeadTo lets the forms of the page lead to another origin, like
// https://app.example.org, after they were answered here: browsers hold redirects
// of a form's answer against form-action too.
func (s *Site) LeadTo(w http.ResponseWriter, origin string) {
	w.Header().Set("Content-Security-Policy", strings.Replace(policy, "form-action 'self'", "form-action 'self' "+origin, 1))
}

// Safe reports a request that changes nothing.
func Safe(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead
}

// Redirect sends the browser to a page of the site, to GET it.
func (s *Site) Redirect(w http.ResponseWriter, r *http.Request, to string) {
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// Back is text if it is the address of a page of the site, else the site's first
// page.
func (s *Site) Back(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || strings.ContainsAny(text, "\\\x00\r\n\t") ||
		!strings.HasPrefix(u.Path, s.opt.Path) || strings.HasPrefix(text, "//") || hasDots(u.Path) {
		return s.opt.Path
	}
	return text
}

// hasDots reports segments of a path that lead elsewhere: browsers go where they
// lead, spelt in whatever way.
func hasDots(path string) bool {
	return slices.ContainsFunc(strings.Split(path, "/"), func(segment string) bool { return segment == "." || segment == ".." })
}

// Untrailed is the address without the slash at its end, if that is a page of mux
// and the address itself is none; else empty.
func (s *Site) Untrailed(mux *http.ServeMux, r *http.Request) string {
	path := strings.TrimRight(r.URL.Path, "/")
	if path == r.URL.Path || len(path) < len(s.opt.Path) {
		return ""
	}
	to := r.Clone(r.Context())
	to.URL.Path, to.URL.RawPath = path, ""
	if _, pattern := mux.Handler(to); pattern == "" {
		return ""
	}
	return to.URL.RequestURI()
}

// IsPlain reports a request that came over plain HTTP from afar: browsers then
// keep no cookie of ours. Behind a proxy the proxy's word counts, for all that
// depends on it is a warning.
func IsPlain(r *http.Request) bool {
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" || strings.Contains(r.Header.Get("Forwarded"), "proto=https") {
		return false
	}
	host := (&url.URL{Host: r.Host}).Hostname()
	return host != "localhost" && !strings.HasSuffix(host, ".localhost") && host != "127.0.0.1" && host != "::1"
}

// SetCookie gives the browser a cookie that no script can read and no other host
// can plant (RFC 6265bis section 4.1.3.2). An age of zero: until the browser is
// closed; below zero: not any more.
func SetCookie(w http.ResponseWriter, name, value string, age int) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode})
}
