package durin_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/durintest"
)

// TestRFC6750 holds answers of the Bearer scheme against the RFC, section by
// section.
func TestRFC6750(t *testing.T) {
	g := durintest.New(t)
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {})
	expired := g.Token("ada", "cli").Reveal()
	g.Clock.Advance(25 * time.Hour)
	web := g.Token("bob", "web").Reveal()
	odd := durin.Error{Status: 403, Code: "insufficient_scope", Detail: `Not "yours".`}
	refuse := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.Fail(w, r, &odd) })
	const realm = `Bearer realm="durin"`
	for _, c := range []struct {
		section, name, target, body, header string
		handler                             http.Handler
		status                              int
		challenge                           string // of the Bearer scheme; "-": none
	}{
		{"2.1", "in the header", "/", "", "Bearer " + web, g.Require(ok), 200, "-"},
		{"2.1", "the scheme's case does not matter (RFC 9110 section 11.1)", "/", "", "bEARER " + web, g.Require(ok), 200, "-"},
		{"2.2", "a form's token is not looked at", "/", "access_token=" + web, "", g.Require(ok), 401, realm},
		{"2.3", "a query's token is not looked at", "/?access_token=" + web, "", "", g.Require(ok), 401, realm},
		{"3", "at least one parameter", "/", "", "", g.Require(ok), 401, realm},
		{"3", "a description has no quotes", "/", "", "Bearer " + web, g.Require(refuse), 403, realm + `, error="insufficient_scope"`},
		{"3.1", "without a token no error code", "/", "", "", g.AllowClients("web")(ok), 401, realm},
		{"3.1", "another scheme's credentials are no token", "/", "", "Basic YTpi", g.Require(ok), 401, realm},
		{"3.1", "unknown", "/", "", "Bearer 0123456789abcdef0123456789abcdef", g.Require(ok), 401, realm + `, error="invalid_token", error_description="Invalid token."`},
		{"3.1", "expired", "/", "", "Bearer " + expired, g.Require(ok), 401, realm + `, error="invalid_token", error_description="The given token has expired."`},
		{"3.1", "malformed", "/", "", "Bearer a b", g.Require(ok), 401, realm + `, error="invalid_token", error_description="Invalid token header. Token string should not contain spaces."`},
		{"3.1", "none", "/", "", "Bearer", g.Require(ok), 401, realm + `, error="invalid_token", error_description="Invalid token header. No credentials provided."`},
		{"3.1", "not for this client", "/", "", "Bearer " + web, g.DenyClients("web")(ok), 403, realm + `, error="insufficient_scope", error_description="You do not have permission to perform this action."`},
	} {
		r := httptest.NewRequest("POST", c.target, strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if c.header != "" {
			r.Header.Set("Authorization", c.header)
		}
		w := httptest.NewRecorder()
		c.handler.ServeHTTP(w, r)
		got := w.Header()["Www-Authenticate"]
		i := slices.IndexFunc(got, func(s string) bool { return len(s) >= 6 && s[:6] == "Bearer" })
		switch {
		case w.Code != c.status:
			t.Errorf("section %s, %s: answered %d, want %d", c.section, c.name, w.Code, c.status)
		case (c.challenge == "-") != (i < 0), i >= 0 && got[i] != c.challenge:
			t.Errorf("section %s, %s:\n got %q\nwant %s", c.section, c.name, got, c.challenge)
		}
	}
}
