package routers

import (
	"net/http"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
)

// Fiber serves the routes with fiber. Paths are matched with their case: /Things is
// another route than /things.
func Fiber(guard *durin.Guard, auth *api.Handler) *fiber.App {
	app := fiber.New(fiber.Config{CaseSensitive: true, StrictRouting: true, DisableStartupMessage: true})
	app.All("/api/auth/*", adaptor.HTTPHandler(auth))
	things := func(c *fiber.Ctx) error { return c.SendString("things of " + sessionOf(c).UserID) }
	app.Get("/things", permit(guard, durin.Rules{}), things)
	app.Get("/web", permit(guard, durin.Rules{Allow: []string{"web"}}), things)
	app.Get("/slow", permit(guard, durin.Rules{Throttle: []durin.Throttle{{Name: durin.DefaultThrottle}}}), things)
	return app
}

type sessionKey struct{}

// sessionOf is who asks.
func sessionOf(c *fiber.Ctx) *durin.Session {
	s, _ := c.Locals(sessionKey{}).(*durin.Session)
	return s
}

// permit lets requests through that keep the rules.
func permit(guard *durin.Guard, rules durin.Rules) fiber.Handler {
	return func(c *fiber.Ctx) error {
		var session *durin.Session
		check := func(w http.ResponseWriter, r *http.Request) {
			s, err := guard.Permit(w, r, rules)
			if err != nil {
				guard.Fail(w, r, err)
				return
			}
			session = s
		}
		if err := adaptor.HTTPHandlerFunc(check)(c); err != nil || session == nil {
			return err
		}
		c.Locals(sessionKey{}, session)
		return c.Next()
	}
}
