package routers

import (
	"net/http"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/go-chi/chi/v5"
)

// Chi serves the routes with chi.
func Chi(guard *durin.Guard, auth *api.Handler) http.Handler {
	r := chi.NewRouter()
	r.Handle("/api/auth/*", auth)
	r.Group(func(r chi.Router) {
		r.Use(guard.Require)
		r.Get("/things", things)
		r.With(guard.AllowClients("web")).Get("/web", things)
		r.With(guard.Throttle()).Get("/slow", things)
	})
	return r
}
