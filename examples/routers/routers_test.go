package routers

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/durintest"
	"github.com/gin-gonic/gin"
)

type accounts struct{}

func (accounts) Authenticate(_ context.Context, name string, password durin.Secret) (durin.User, error) {
	if password.Reveal() != "engine" {
		return durin.User{}, durin.ErrBadCredentials
	}
	return durin.User{ID: "of " + name, Name: name}, nil
}

// TestRouters asks every router the same.
func TestRouters(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	serve := func(h http.Handler) func(*http.Request) *http.Response {
		return func(r *http.Request) *http.Response {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w.Result()
		}
	}
	for name, start := range map[string]func(*durin.Guard, *api.Handler) func(*http.Request) *http.Response{
		"chi":  func(g *durin.Guard, h *api.Handler) func(*http.Request) *http.Response { return serve(Chi(g, h)) },
		"gin":  func(g *durin.Guard, h *api.Handler) func(*http.Request) *http.Response { return serve(Gin(g, h)) },
		"echo": func(g *durin.Guard, h *api.Handler) func(*http.Request) *http.Response { return serve(Echo(g, h)) },
		"fiber": func(g *durin.Guard, h *api.Handler) func(*http.Request) *http.Response {
			app := Fiber(g, h)
			return func(r *http.Request) *http.Response {
				res, err := app.Test(r, -1)
				if err != nil {
					t.Fatal(err)
				}
				return res
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := durintest.New(t, func(o *durin.Options) { o.Authenticator = accounts{} })
			g.Client(durin.Client{Name: "web"})
			g.Client(durin.Client{Name: "cli", Rate: durin.Rate{N: 2, Period: time.Minute}})
			auth, err := api.New(g.Guard, api.Options{})
			if err != nil {
				t.Fatal(err)
			}
			do := start(g.Guard, auth)
			cli, web := "Token "+g.Token("ada", "cli").Reveal(), "Token "+g.Token("ada", "web").Reveal()
			for _, c := range []struct {
				method, path, auth, body string
				status                   int
				want                     string
			}{
				{"GET", "/things", cli, "", 200, "things of ada"},
				{"GET", "/things", "", "", 401, `{"detail":"Authentication credentials were not provided."}`},
				{"GET", "/things", "Token x", "", 401, `{"detail":"Invalid token."}`},
				{"GET", "/web", web, "", 200, "things of ada"},
				{"GET", "/web", cli, "", 403, `{"detail":"You do not have permission to perform this action."}`},
				{"GET", "/slow", cli, "", 200, "things of ada"},
				{"GET", "/slow", cli, "", 200, "things of ada"},
				{"GET", "/slow", cli, "", 429, `{"detail":"Request was throttled. Expected available in 60 seconds."}`},
				{"POST", "/api/auth/login/", "", "username=bob&password=engine&client=web", 200, `{"expiry":`},
				{"GET", "/api/auth/sessions", web, "", 200, `[{"id":1`},
				{"DELETE", "/api/auth/sessions//1", web, "", 204, ""},
				{"GET", "/things", cli, "", 401, `{"detail":"Invalid token."}`},
				{"GET", "/nothing", web, "", 404, ""},
			} {
				r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
				if c.body != "" {
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				}
				if c.auth != "" {
					r.Header.Set("Authorization", c.auth)
				}
				res := do(r)
				body, _ := io.ReadAll(res.Body)
				if res.StatusCode != c.status || !strings.HasPrefix(string(body), c.want) {
					t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, res.StatusCode, body, c.status, c.want)
				}
				if c.status == 401 && res.Header.Get("WWW-Authenticate") == "" || c.status == 429 && res.Header.Get("Retry-After") == "" {
					t.Errorf("%s %s: headers are missing: %v", c.method, c.path, res.Header)
				}
			}
		})
	}
}
