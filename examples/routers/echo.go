package routers

import (
	"net/http"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/labstack/echo/v4"
)

// Echo serves the routes with echo.
func Echo(guard *durin.Guard, auth *api.Handler) http.Handler {
	e := echo.New()
	e.Any("/api/auth/*", echo.WrapHandler(auth))
	in := e.Group("", echo.WrapMiddleware(guard.Require))
	in.GET("/things", echo.WrapHandler(http.HandlerFunc(things)))
	in.GET("/web", echo.WrapHandler(http.HandlerFunc(things)), echo.WrapMiddleware(guard.AllowClients("web")))
	in.GET("/slow", echo.WrapHandler(http.HandlerFunc(things)), echo.WrapMiddleware(guard.Throttle()))
	return e
}
