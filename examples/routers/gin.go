package routers

import (
	"net/http"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/gin-gonic/gin"
)

// Gin serves the routes with gin.
func Gin(guard *durin.Guard, auth *api.Handler) http.Handler {
	r := gin.New()
	r.Any("/api/auth/*path", gin.WrapH(auth))
	in := r.Group("/", ginMiddleware(guard.Require))
	in.GET("/things", gin.WrapF(things))
	in.GET("/web", ginMiddleware(guard.AllowClients("web")), gin.WrapF(things))
	in.GET("/slow", ginMiddleware(guard.Throttle()), gin.WrapF(things))
	return r
}

// ginMiddleware makes gin's of a middleware of net/http.
func ginMiddleware(wrap func(http.Handler) http.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		passed := false
		next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			passed = true
			c.Request = r
			c.Next()
		})
		wrap(next).ServeHTTP(c.Writer, c.Request)
		if !passed {
			c.Abort()
		}
	}
}
