package api_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/storetest"
)

func basic(name, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+secret))
}

const form = "application/x-www-form-urlencoded"

// TestOAuth holds introspection and revocation against their RFCs, each row with
// its section.
func TestOAuth(t *testing.T) {
	w := newWorld(t, api.Options{PublicURL: "https://auth.example.org/"})
	secret, _, err := w.guard.CreateResourceServer(t.Context(), "billing", durin.Never)
	if err != nil {
		t.Fatal(err)
	}
	short, _, err := w.guard.CreateResourceServer(t.Context(), "billing", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.guard.CreateClient(t.Context(), durin.Client{Name: "browser", Cookie: true}); err != nil {
		t.Fatal(err)
	}
	old := w.token("2", "web")
	w.advance(24*time.Hour + time.Second)
	good, forever, cookie := w.token("1", "web"), w.token("1", "forever"), w.token("1", "browser")
	auth := basic("billing", secret.Reveal())
	const (
		unknown    = `{"active":false}`
		badClient  = `{"error":"invalid_client","error_description":"Invalid secret of a resource server."}`
		noToken    = `{"error":"invalid_request","error_description":"The parameter token is missing."}`
		basicFirst = `Basic realm="durin", charset="UTF-8" | Bearer realm="durin"`
	)
	const active = `{"active":true,"client_id":"web","username":"alice","token_type":"Bearer","exp":1893726246,"iat":1893639846,"sub":"1","iss":"https://auth.example.org","jti":"2"}`
	for _, c := range []struct {
		section, name, path, method, auth, kind, body string
		status                                        int
		want, challenge                               string
	}{
		{"7662 2.1", "HTTP POST", "introspect", "GET", auth, form, "", 405, `{"detail":"Method \"GET\" not allowed."}`, ""},
		{"7662 2.1", "a form", "introspect", "POST", auth, "application/json", `{"token":"` + good + `"}`, 400, `{"error":"invalid_request","error_description":"The body is no form: application/x-www-form-urlencoded."}`, ""},
		{"7662 2.1", "token is required", "introspect", "POST", auth, form, "tok=" + good, 400, noToken, ""},
		{"7662 2.1", "no token in the query", "introspect?token=" + good, "POST", auth, form, "", 400, noToken, ""},
		{"7662 2.1", "a hint is no bound", "introspect", "POST", auth, form, "token=" + good + "&token_type_hint=refresh_token", 200, active, ""},
		{"7662 2.1", "unknown parameters are passed over", "introspect", "POST", auth, form + "; charset=utf-8", "x=y&token=" + good, 200, active, ""},
		{"7662 2.1", "the caller must authenticate", "introspect", "POST", "", form, "token=" + good, 401, badClient, basicFirst},
		{"7662 2.1", "a Bearer token of its own", "introspect", "POST", "Bearer " + secret.Reveal(), form, "token=" + good, 200, active, ""},
		{"7662 2.2", "never expires: no exp", "introspect", "POST", auth, form, "token=" + forever, 200, strings.NewReplacer(`"web"`, `"forever"`, `"exp":1893726246,`, "", `"jti":"2"`, `"jti":"3"`).Replace(active), ""},
		{"7662 2.2", "unknown", "introspect", "POST", auth, form, "token=0123456789abcdef0123456789abcdef", 200, unknown, ""},
		{"7662 2.2", "no token at all", "introspect", "POST", auth, form, "token=%00%ff", 200, unknown, ""},
		{"7662 2.2", "expired", "introspect", "POST", auth, form, "token=" + old, 200, unknown, ""},
		{"7662 2.2", "of a cookie client, in a header", "introspect", "POST", auth, form, "token=" + cookie, 200, unknown, ""},
		{"7662 2.2", "of a cookie client, in its cookie", "introspect", "POST", auth, form, "transport=cookie&token=" + cookie, 200, strings.NewReplacer(`"web"`, `"browser"`, `"jti":"2"`, `"jti":"4"`).Replace(active), ""},
		{"7662 2.2", "of a header client, in a cookie", "introspect", "POST", auth, form, "transport=cookie&token=" + good, 200, unknown, ""},
		{"7662 2.3", "a bad secret (6749 5.2)", "introspect", "POST", basic("billing", "x"), form, "token=" + good, 401, badClient, basicFirst},
		{"7662 2.3", "a bad name", "introspect", "POST", basic("files", secret.Reveal()), form, "token=" + good, 401, badClient, basicFirst},
		{"7662 2.3", "no name", "introspect", "POST", basic("", secret.Reveal()), form, "token=" + good, 401, badClient, basicFirst},
		{"7662 2.3", "an expired secret", "introspect", "POST", basic("billing", short.Reveal()), form, "token=" + good, 401, badClient, basicFirst},
		{"7662 2.3", "a bad Bearer token (6750 3.1)", "introspect", "POST", "Bearer x", form, "token=" + good, 401, badClient, `Bearer realm="durin", error="invalid_token" | Basic realm="durin", charset="UTF-8"`},
		{"7662 4", "a user's token is no secret", "introspect", "POST", "Bearer " + good, form, "token=" + good, 401, badClient, `Bearer realm="durin", error="invalid_token" | Basic realm="durin", charset="UTF-8"`},
		{"6749 2.3.1", "name and secret are form-encoded", "introspect", "POST", basic("%62illing", url.QueryEscape(secret.Reveal())), form, "token=" + good, 200, active, ""},
		{"6749 2.3.1", "badly so", "introspect", "POST", basic("billing", "%zz"), form, "token=" + good, 401, badClient, basicFirst},
		{"6749 2.3.1", "name and secret in the form", "introspect", "POST", "", form, "client_id=billing&client_secret=" + secret.Reveal() + "&token=" + good, 200, active, ""},
		{"6749 2.3.1", "a bad secret in the form", "introspect", "POST", "", form, "client_id=billing&client_secret=x&token=" + good, 401, badClient, basicFirst},
		{"6749 2.3.1", "an expired one", "introspect", "POST", "", form, "client_id=billing&client_secret=" + short.Reveal() + "&token=" + good, 401, badClient, basicFirst},
		{"6749 2.3.1", "a bad name in the form", "introspect", "POST", "", form, "client_id=files&client_secret=" + secret.Reveal() + "&token=" + good, 401, badClient, basicFirst},
		{"6749 2.3.1", "no name in the form", "introspect", "POST", "", form, "client_secret=" + secret.Reveal() + "&token=" + good, 401, badClient, basicFirst},
		{"6749 2.3.1", "a name alone", "introspect", "POST", "", form, "client_id=billing&token=" + good, 401, badClient, basicFirst},
		{"6749 2.3.1", "not in the query", "introspect?client_id=billing&client_secret=" + secret.Reveal(), "POST", "", form, "token=" + good, 401, badClient, basicFirst},
		{"6749 2.3.1", "a secret twice", "introspect", "POST", "", form, "client_id=billing&client_secret=x&client_secret=" + secret.Reveal() + "&token=" + good, 400, `{"error":"invalid_request","error_description":"A parameter is there more than once."}`, ""},
		{"6749 2.3", "one method, not two", "introspect", "POST", auth, form, "client_id=billing&client_secret=" + secret.Reveal() + "&token=" + good, 400, `{"error":"invalid_request","error_description":"The secret is in the Authorization header and in the form: choose one."}`, ""},
		{"6749 2.3", "the header with the name again", "introspect", "POST", auth, form, "client_id=billing&token=" + good, 200, active, ""},
		{"6749 2.3", "another scheme", "introspect", "POST", "Digest x", form, "client_id=billing&client_secret=" + secret.Reveal() + "&token=" + good, 401, badClient, basicFirst},
		{"6749 3.1", "a parameter twice", "introspect", "POST", auth, form, "token=" + good + "&token=" + good, 400, `{"error":"invalid_request","error_description":"A parameter is there more than once."}`, ""},
		{"6749 3.1", "a broken form", "introspect", "POST", auth, form, "token=%zz", 400, `{"error":"invalid_request","error_description":"The body cannot be read."}`, ""},
		{"", "a body without end", "introspect", "POST", auth, form, "token=" + strings.Repeat("x", 20_000), 413, `{"error":"invalid_request","error_description":"The request body is too large."}`, ""},
		{"7009 2.1", "the caller must authenticate", "revoke", "POST", "", form, "token=" + good, 401, badClient, basicFirst},
		{"7009 2.1", "a bad secret in the form", "revoke", "POST", "", form, "client_id=billing&client_secret=x&token=" + good, 401, badClient, basicFirst},
		{"7009 2.1", "token is required", "revoke", "POST", auth, form, "", 400, noToken, ""},
		{"7009 2.2", "ended", "revoke", "POST", auth, form, "token=" + good + "&token_type_hint=access_token", 200, "", ""},
		{"7009 2.2", "ended already", "revoke", "POST", auth, form, "token=" + good, 200, "", ""},
		{"7009 2.1", "the secret in the form", "revoke", "POST", "", form, "client_id=billing&client_secret=" + secret.Reveal() + "&token=" + forever, 200, "", ""},
		{"7009 2.2", "so that one has ended", "introspect", "POST", auth, form, "token=" + forever, 200, unknown, ""},
		{"7009 2.2", "unknown", "revoke", "POST", auth, form, "token=x", 200, "", ""},
		{"7009 2.2", "in effect at once", "introspect", "POST", auth, form, "token=" + good, 200, unknown, ""},
	} {
		headers := []string{"Content-Type", c.kind}
		if c.auth != "" {
			headers = append(headers, "Authorization", c.auth)
		}
		res := w.do(c.method, "/api/auth/"+c.path, c.body, headers...)
		if got := text(t, res); res.StatusCode != c.status || got != c.want {
			t.Errorf("RFC %s, %s: answered %d\n%s\n    want %d\n%s", c.section, c.name, res.StatusCode, got, c.status, c.want)
		}
		if got := strings.Join(res.Header["Www-Authenticate"], " | "); got != c.challenge {
			t.Errorf("RFC %s, %s: the challenge is\n%s\nwant\n%s", c.section, c.name, got, c.challenge)
		}
		if res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("RFC %s, %s: may be stored", c.section, c.name)
		}
	}
}

// When nothing can be known nothing is said: 503 (RFC 7009 section 2.2.1).
func TestOAuthOutage(t *testing.T) {
	var down atomic.Bool
	w := newWorld(t, api.Options{}, func(o *durin.Options) {
		o.Store = storetest.Faulty(o.Store, storetest.Faults{Before: func(_ context.Context, method string) error {
			if down.Load() && (method == "Lookup" || method == "End") {
				return errors.New("down")
			}
			return nil
		}})
		o.Users = o.Store.(durin.UserStore)
	})
	secret, _, err := w.guard.CreateResourceServer(t.Context(), "billing", durin.Never)
	if err != nil {
		t.Fatal(err)
	}
	token := w.token("1", "web")
	down.Store(true)
	for _, path := range []string{"introspect", "revoke"} {
		res := w.do("POST", "/api/auth/"+path, "token="+token, "Content-Type", form, "Authorization", basic("billing", secret.Reveal()))
		if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
			t.Errorf("%s: answered %d %s", path, res.StatusCode, text(t, res))
		}
	}
}

// TestMetadata holds the document against RFC 8414.
func TestMetadata(t *testing.T) {
	const oauth, oidc = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
	for _, c := range []struct {
		section, publicURL, issuer, base string
		paths                            []string
	}{
		{"3", "https://auth.example.org", "https://auth.example.org", "https://auth.example.org", []string{oauth, oidc}},
		{"3.1", "https://example.org/auth/", "https://example.org/auth", "https://example.org/auth", []string{oauth + "/auth", "/auth" + oidc, oidc + "/auth", "/auth" + oauth, oauth, oidc}},
		{"3.1", "https://example.org/t", "https://example.org/t", "https://example.org", []string{oauth + "/t", "/t" + oidc}}, // Prefix has it
		{"3", "", "http://example.com", "http://example.com", []string{oauth, oidc}},
	} {
		w := newWorld(t, api.Options{PublicURL: c.publicURL, Prefix: "/t"})
		hidden := newWorld(t, api.Options{PublicURL: c.publicURL, Prefix: "/t", HideMetadata: true})
		for _, path := range c.paths {
			for _, path := range []string{path, path + "/"} {
				if !w.api.Owns(path) || hidden.api.Owns(path) {
					t.Errorf("%s is owned: %t, and though it is hidden: %t", path, w.api.Owns(path), hidden.api.Owns(path))
				}
				checkMetadata(t, c.section+" "+path, w.do("GET", path, ""), c.issuer, c.base)
			}
		}
		want(t, w.do("GET", oauth+"//", ""), 404, `{"detail":"Not found."}`)
	}
}

func checkMetadata(t *testing.T, what string, res *http.Response, issuer, base string) {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal([]byte(text(t, res)), &got); err != nil || res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/json" {
		t.Fatal(what, err, res.StatusCode, res.Header)
	}
	want := map[string]any{ // section 2; lists that would be empty are left out (section 3.2)
		"issuer":                 issuer,
		"introspection_endpoint": base + "/t/introspect",
		"introspection_endpoint_auth_methods_supported": []any{"client_secret_basic", "client_secret_post", "Bearer"},
		"revocation_endpoint":                           base + "/t/revoke",
		"revocation_endpoint_auth_methods_supported":    []any{"client_secret_basic", "client_secret_post"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("section %s: %v\nwant %v", what, got, want)
	}
}

// What a resource server is told to be good for longer than IntrospectionTTL, it
// may keep for longer than that.
func TestIntrospectionTTL(t *testing.T) {
	for _, c := range []struct {
		name, client string
		ttl, after   time.Duration
		want         time.Duration // from the question; zero: there is no exp
	}{
		{"no bound", "web", 0, 0, 24 * time.Hour},
		{"no bound, for ever", "forever", 0, 0, 0},
		{"a bound", "web", time.Minute, time.Hour, time.Minute},
		{"for ever", "forever", time.Minute, time.Hour, time.Minute},
		{"the token ends sooner", "web", time.Hour, 23*time.Hour + 50*time.Minute, 10 * time.Minute},
	} {
		w := newWorld(t, api.Options{IntrospectionTTL: c.ttl})
		secret, _, err := w.guard.CreateResourceServer(t.Context(), "billing", durin.Never)
		if err != nil {
			t.Fatal(err)
		}
		token := w.token("1", c.client)
		w.advance(c.after)
		got := decode[struct{ Exp int64 }](t, w.do("POST", "/api/auth/introspect", "token="+token, "Content-Type", form, "Authorization", basic("billing", secret.Reveal())), 200)
		var want int64
		if c.want > 0 {
			want = w.guard.Now().Add(c.want).Unix()
		}
		if got.Exp != want {
			t.Errorf("%s: exp is %d, want %d", c.name, got.Exp, want)
		}
	}
	if _, err := api.New(newWorld(t, api.Options{}).guard, api.Options{IntrospectionTTL: -1}); err == nil {
		t.Error("a negative one is taken")
	}
}

// A body with a content coding is refused by whatever reads a body, before
// anything in it is looked at (RFC 9110 section 15.5.16); what reads none does
// not mind.
func TestContentCoding(t *testing.T) {
	w := newWorld(t, api.Options{Compat: api.Compat{
		Knox: api.CompatRoutes{Path: "/knox", Client: "web"}, DRF: api.CompatRoutes{Path: "/drf", Client: "web"}, Multitoken: api.CompatRoutes{Path: "/multi", Client: "web"},
	}})
	secret, _, err := w.guard.CreateResourceServer(t.Context(), "billing", durin.Never)
	if err != nil {
		t.Fatal(err)
	}
	const refused = "The request body has a content coding: send it without Content-Encoding."
	for _, path := range []string{"/api/auth/login/", "/knox/login/", "/drf/", "/multi/login/", "/api/auth/introspect", "/api/auth/revoke"} {
		for coding, ok := range map[string]bool{"gzip": false, "br": false, "GZIP, identity": false, "identity": true, "Identity": true, "": true} {
			headers := []string{"Content-Type", form, "Content-Encoding", coding}
			if strings.HasPrefix(path, "/api/auth/") && path != "/api/auth/login/" {
				headers = append(headers, "Authorization", basic("billing", secret.Reveal()))
			}
			res := w.do("POST", path, "username=alice&password=alice-pass&client=web&token=x", headers...)
			body := text(t, res)
			switch {
			case ok && (res.StatusCode != 200 || res.Header.Get("Accept-Encoding") != ""):
				t.Errorf("%s, %q: %d %s", path, coding, res.StatusCode, body)
			case !ok && (res.StatusCode != 415 || res.Header.Get("Accept-Encoding") != "identity" || !strings.Contains(body, refused)):
				t.Errorf("%s, %q: %d %s %s", path, coding, res.StatusCode, res.Header, body)
			}
		}
	}
	auth := "Token " + w.token("1", "web")
	want(t, w.do("POST", "/api/auth/refresh/", "x", "Content-Encoding", "gzip", "Authorization", auth), 200, `{"expiry":"2030-01-03T03:04:05.678901Z"}`)
	want(t, w.do("GET", "/api/auth/verify", "", "Content-Encoding", "gzip", "Authorization", auth), 200, "")
}
