package durin

import "net/http"

// AllowClients lets only tokens of the named clients through: 403 for others,
// 401 for anonymous callers. Without names it lets nobody through. Names are
// compared byte by byte.
func (g *Guard) AllowClients(names ...string) func(http.Handler) http.Handler {
	return g.permit(func(listed bool) bool { return listed }, names)
}

// DenyClients refuses tokens of the named clients with 403, and anonymous
// callers with 401.
func (g *Guard) DenyClients(names ...string) func(http.Handler) http.Handler {
	return g.permit(func(listed bool) bool { return !listed }, names)
}

func (g *Guard) permit(may func(listed bool) bool, names []string) func(http.Handler) http.Handler {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id, r, ok := g.identifySomebody(w, r)
			if !ok {
				return
			}
			if !may(set[id.session.Client.Name]) {
				g.Fail(w, r, ErrForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}
