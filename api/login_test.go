package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
)

const (
	badCredentials = `{"non_field_errors":["Unable to log in with provided credentials."]}`
	noClient       = `{"detail":"No client specified."}`
	unknownClient  = `{"detail":"No client with that name."}`
	bothRequired   = `{"username":["This field is required."],"password":["This field is required."]}`
)

func TestLoginRefuses(t *testing.T) {
	w := newWorld(t, api.Options{MaxBody: 200 << 10})
	const jsonType, formType = "application/json", "application/x-www-form-urlencoded"
	good := func(rest string) string { return `{"username":"alice","password":"alice-pass"` + rest + `}` }
	user := func(v string) string { return `{"username":` + v + `,"password":"x"}` }
	pass := func(v string) string { return `{"username":"alice","password":` + v + `}` }
	for _, c := range []struct {
		name, contentType, body string
		status                  int
		want                    string
	}{
		{"nothing", "", "", 400, bothRequired},
		{"empty JSON", jsonType, "", 400, bothRequired},
		{"empty text", "text/plain", "", 400, bothRequired},
		{"text", "text/plain", "x", 415, `{"detail":"Unsupported media type \"text/plain\" in request."}`},
		{"no type", "", good(""), 415, `{"detail":"Unsupported media type \"\" in request."}`},
		{"odd type", `a"b<é`, "x", 415, `{"detail":"Unsupported media type \"a\"b<é\" in request."}`},
		{"bytes as type", "\xff", "x", 415, `{"detail":"Unsupported media type \"�\" in request."}`},
		{"too large", jsonType, strings.Repeat(" ", 200<<10+1), 413, `{"detail":"The request body is too large."}`},
		{"list", jsonType, `[1]`, 400, `{"non_field_errors":["Invalid data. Expected a dictionary, but got list."]}`},
		{"string", jsonType, `"x"`, 400, `{"non_field_errors":["Invalid data. Expected a dictionary, but got str."]}`},
		{"int", jsonType, `0`, 400, `{"non_field_errors":["Invalid data. Expected a dictionary, but got int."]}`},
		{"float", jsonType, `1e3`, 400, `{"non_field_errors":["Invalid data. Expected a dictionary, but got float."]}`},
		{"bool", jsonType, `false`, 400, `{"non_field_errors":["Invalid data. Expected a dictionary, but got bool."]}`},
		{"null", jsonType, ` null `, 400, `{"non_field_errors":["No data provided"]}`},
		{"malformed", jsonType, `{"username":"alice",}`, 400, `{"detail":"JSON parse error - invalid character '}' looking for beginning of object key string"}`},
		{"no boundary", "multipart/form-data", "x", 400, `{"detail":"Multipart form parse error - Invalid boundary in multipart: None"}`},
		{"file", "multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=username; filename=u\r\n\r\nx\r\n--B--", 400,
			`{"username":["Not a valid string."],"password":["This field is required."]}`},

		{"null name", jsonType, user(`null`), 400, `{"username":["This field may not be null."]}`},
		{"blank name", jsonType, user(`" \t\u00a0\u2003\u001c"`), 400, `{"username":["This field may not be blank."]}`},
		{"list name", jsonType, user(`["alice"]`), 400, `{"username":["Not a valid string."]}`},
		{"bool name", jsonType, user(`true`), 400, `{"username":["Not a valid string."]}`},
		{"NUL in name", jsonType, user(`"a\u0000"`), 400, `{"username":["Null characters are not allowed."]}`},
		{"surrogate in name", jsonType, user(`"a\ud800b"`), 400, `{"username":["Surrogate characters are not allowed: U+D800."]}`},
		{"both in name", jsonType, user(`"\udfff\u0000"`), 400, `{"username":["Null characters are not allowed.","Surrogate characters are not allowed: U+DFFF."]}`},
		{"number as name", jsonType, user(`5.5`), 400, badCredentials},
		{"null password", jsonType, pass(`null`), 400, `{"password":["This field may not be null."]}`},
		{"empty password", jsonType, pass(`""`), 400, `{"password":["This field may not be blank."]}`},
		{"blank password", jsonType, pass(`" "`), 400, badCredentials},
		{"object password", jsonType, pass(`{}`), 400, `{"password":["Not a valid string."]}`},
		{"case of keys", jsonType, `{"Username":"alice","PASSWORD":"alice-pass"}`, 400, bothRequired},
		{"NUL in a form", formType, "username=a%00&password=x", 400, `{"username":["Null characters are not allowed."]}`},
		{"JSON as form", formType, good(""), 400, bothRequired},

		{"wrong password", jsonType, `{"username":"alice","password":"x","client":"nope"}`, 400, badCredentials},
		{"untrimmed password", jsonType, `{"username":"alice","password":" alice-pass","client":"web"}`, 400, badCredentials},
		{"case of name", jsonType, `{"username":"Alice","password":"alice-pass","client":"web"}`, 400, badCredentials},
		{"inactive", jsonType, `{"username":"carol","password":"carol-pass","client":"web"}`, 400, badCredentials},
		{"plus is a blank", formType, "username=al+ice&password=alice-pass&client=web", 400, badCredentials},

		{"no client", jsonType, good(``), 400, noClient},
		{"empty client", jsonType, good(`,"client":""`), 400, noClient},
		{"null client", jsonType, good(`,"client":null`), 400, noClient},
		{"zero client", jsonType, good(`,"client":0`), 400, noClient},
		{"float zero client", jsonType, good(`,"client":-0.0e9`), 400, noClient},
		{"false client", jsonType, good(`,"client":false`), 400, noClient},
		{"empty list client", jsonType, good(`,"client":[ ]`), 400, noClient},
		{"empty object client", jsonType, good(`,"client":{}`), 400, noClient},
		{"list client", jsonType, good(`,"client":["web"]`), 400, unknownClient},
		{"object client", jsonType, good(`,"client":{"web":1}`), 400, unknownClient},
		{"true client", jsonType, good(`,"client":true`), 400, unknownClient},
		{"blanks around client", jsonType, good(`,"client":" web"`), 400, unknownClient},
		{"case of client", jsonType, good(`,"client":"Web"`), 400, unknownClient},
		{"NUL in client", jsonType, good(`,"client":"web\u0000"`), 400, unknownClient},
		{"surrogate in client", jsonType, good(`,"client":"\ud800"`), 400, unknownClient},
		{"long client", jsonType, good(`,"client":"` + strings.Repeat("é", 65) + `"`), 400, unknownClient},
		{"last client counts", jsonType, good(`,"client":"web","client":""`), 400, noClient},
	} {
		t.Run(c.name, func(t *testing.T) {
			want(t, w.do("POST", "/api/auth/login/", c.body, "Content-Type", c.contentType), c.status, c.want)
		})
	}
}

func TestLoginAnswers(t *testing.T) {
	w := newWorld(t, api.Options{})
	web := w.token("1", "web")
	answer := `{"expiry":"2030-01-03T03:04:05.678901Z","token":"` + web + `"}`
	part := func(name, value string) string {
		return "--B\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	for _, c := range []struct{ name, contentType, body string }{
		{"JSON", "application/json", `{"username":"alice","password":"alice-pass","client":"web","more":[{}]}`},
		{"charset", "Application/JSON; Charset=UTF-8", `{"username":"\u2003 alice\u001f","password":"alice-pass","client":"web"}`},
		{"any type", "*/*", `{"username":"alice","password":"alice-pass","client":"web"}`},
		{"last one counts", "application/json", `{"username":"bob","username":"alice","password":"alice-pass","client":"web"}`},
		{"form", "application/x-www-form-urlencoded", "username=bob&username=%61lice&password=alice-pass&client=web"},
		{"multipart", "multipart/form-data; boundary=B", part("username", "alice") + part("password", "alice-pass") + part("client", "web") + "--B--\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			want(t, w.do("POST", "/api/auth/login?client=x", c.body, "Content-Type", c.contentType, "Authorization", "Token rubbish"), 200, answer)
		})
	}
}

// An expired token is never handed out.
func TestLoginReplacesWhatHasExpired(t *testing.T) {
	w := newWorld(t, api.Options{})
	old := decode[api.LoginAnswer](t, w.login("alice", "web"), 200)
	w.advance(25 * time.Hour)
	fresh := decode[api.LoginAnswer](t, w.login("alice", "web"), 200)
	if fresh.Token == old.Token {
		t.Error("a dead token was handed out")
	}
	want(t, w.do("POST", "/api/auth/refresh", "", "Authorization", "Token "+fresh.Token), 200, `{"expiry":"2030-01-04T04:04:05.678901Z"}`)
}

func TestExpiryForms(t *testing.T) {
	kolkata, err := time.LoadLocation("Asia/Kolkata")
	if err != nil {
		t.Skip("no time zones here")
	}
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2099, 1, 2, 3, 4, 5, 678901000, time.UTC)
	for _, c := range []struct {
		setting string
		loc     *time.Location
		at      time.Time
		want    string
	}{
		{"iso-8601", time.UTC, at, "2099-01-02T03:04:05.678901Z"},
		{"ISO-8601", kolkata, at, "2099-01-02T08:34:05.678901+05:30"},
		{"iso-8601", london, at, "2099-01-02T03:04:05.678901Z"},
		{"iso-8601", time.UTC, at.Truncate(time.Second), "2099-01-02T03:04:05Z"},
		{"iso-8601", time.UTC, at.Truncate(time.Second).Add(time.Microsecond), "2099-01-02T03:04:05.000001Z"},
		{"none", kolkata, at, "2099-01-02T03:04:05.678901Z"},
		{"", kolkata, at, ""},
		{"%H:%M %d/%m/%y", kolkata, at, "08:34 02/01/99"},
		{"%Y-%m-%dT%H:%M:%S.%f%z", time.UTC, at, "2099-01-02T03:04:05.678901+0000"},
	} {
		if got := api.ExpiryFormat(c.setting, c.loc)(c.at); got != c.want {
			t.Errorf("%q in %s: %q, want %q", c.setting, c.loc, got, c.want)
		}
	}
}

func TestLoginWithUser(t *testing.T) {
	w := newWorld(t, api.Options{LoginUser: true, Expiry: api.ExpiryFormat("%Y", time.UTC)})
	res := w.login("bob", "forever")
	got := text(t, res)
	if !strings.HasPrefix(got, `{"expiry":null,"token":"`) || !strings.HasSuffix(got, `","user":{"username":"bob"}}`) {
		t.Errorf("answered %s", got)
	}
	if got := decode[api.LoginAnswer](t, w.login("bob", "web"), 200); *got.Expiry != "2030" {
		t.Errorf("expiry %q", *got.Expiry)
	}
}

func TestCustomLogin(t *testing.T) {
	var asked durin.IssueRequest
	w := newWorld(t, api.Options{
		Client: api.ClientFromHeader("X-Client"),
		HandOut: func(r *http.Request, u durin.User, req durin.IssueRequest, issue durin.IssueFunc) (durin.Issued, error) {
			asked = req
			if u.Name == "bob" {
				return durin.Issued{}, &durin.Error{Status: 400, Detail: "Not today."}
			}
			req.Device.Name = "changed"
			return issue(r.Context(), req)
		},
		Answer: func(r *http.Request, in durin.LoggedIn, standard api.LoginAnswer) any {
			return struct {
				api.LoginAnswer
				Client string `json:"client"`
			}{standard, in.Session.Client.Name}
		},
	})
	const body = `{"username":"alice","password":"alice-pass","client":"web","device":"Ada's laptop"}`
	res := w.do("POST", "/api/auth/login", body, "Content-Type", "application/json", "X-Client", "cli", "User-Agent", "curl/8\xff")
	if got := text(t, res); res.StatusCode != 200 || !strings.HasSuffix(got, `","client":"cli"}`) {
		t.Errorf("answered %d %s", res.StatusCode, got)
	}
	if d := (durin.Device{Name: "Ada's laptop", Address: "192.0.2.7", Agent: "curl/8\uFFFD"}); asked.UserID != "1" || asked.Client != "cli" || asked.Device != d {
		t.Errorf("asked for %+v", asked)
	}
	want(t, w.do("POST", "/api/auth/login", strings.ReplaceAll(body, "alice", "bob"), "Content-Type", "application/json", "X-Client", "cli"), 400, `{"detail":"Not today."}`)
	want(t, w.do("POST", "/api/auth/login", body, "Content-Type", "application/json"), 400, noClient)
	want(t, w.do("POST", "/api/auth/login", body, "Content-Type", "application/json", "X-Client", "\xff"), 400, unknownClient)
}

// limiter notes what it is told.
type limiter struct{ attempts []durin.LoginAttempt }

func (l *limiter) Admit(_ context.Context, a durin.LoginAttempt) (bool, error) {
	l.attempts = append(l.attempts, a)
	return true, nil
}
func (l *limiter) Done(context.Context, durin.LoginAttempt, error) {}

// A live token of the user tells of a known device, and changes nothing else.
func TestKnownDevice(t *testing.T) {
	l := &limiter{}
	w := newWorld(t, api.Options{}, func(o *durin.Options) { o.LoginLimiter = l })
	alice, bob := w.token("1", "web"), w.token("2", "web")
	const body = `username=alice&password=no&client=web`
	for _, auth := range []string{alice, bob, "x"} {
		want(t, w.do("POST", "/api/auth/login/", body, "Content-Type", "application/x-www-form-urlencoded", "Authorization", "Token "+auth), 400, badCredentials)
	}
	for i, known := range []bool{true, false, false} {
		if a := l.attempts[i]; a.Known != known || a.Name != "alice" || a.Address.String() != "192.0.2.7" {
			t.Errorf("attempt %d: %+v, want known %t", i, a, known)
		}
	}
}

func TestClientFromUserAgent(t *testing.T) {
	w := newWorld(t, api.Options{})
	before, _ := w.guard.Clients(t.Context())
	handler, err := api.New(w.guard, api.Options{Client: api.ClientFromUserAgent(w.guard, len(before)+2, durin.Client{TTL: time.Hour})})
	if err != nil {
		t.Fatal(err)
	}
	w.api = handler
	clients := func() int { all, _ := w.guard.Clients(t.Context()); return len(all) }
	login := func(agent, password string) string {
		res := w.do("POST", "/api/auth/login", "username=alice&password="+password, "Content-Type", "application/x-www-form-urlencoded", "User-Agent", agent)
		if res.StatusCode != 200 {
			return ""
		}
		token := decode[api.LoginAnswer](t, res, 200).Token
		s, err := w.guard.Verify(t.Context(), durin.Secret(token))
		if err != nil {
			t.Fatal(err)
		}
		return s.Client.Name
	}
	if login("evil/1", "wrong"); clients() != len(before) {
		t.Error("wrong credentials made a client")
	}
	for _, c := range []struct{ agent, client string }{
		{"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"},
		{"Mozilla/5.0 (X11; Linux x86_64; rv:129.0) Gecko/20100101 Firefox/129.0", "Firefox on Linux"},
		{"curl/8.5.0", "curl"},
		{"python-requests/2.31", "other"},
		{"wget", "other"},
		{"curl/9", "curl"},
	} {
		if got := login(c.agent, "alice-pass"); got != c.client {
			t.Errorf("%s: client %q, want %q", c.agent, got, c.client)
		}
	}
	if n := clients(); n != len(before)+3 {
		t.Errorf("%d clients were made, want 3", n-len(before))
	}
}

func TestClientNamed(t *testing.T) {
	w := newWorld(t, api.Options{Client: api.ClientNamed("cli")})
	for _, body := range []string{"username=alice&password=alice-pass", "username=alice&password=alice-pass&client=web"} {
		token := decode[api.LoginAnswer](t, w.do("POST", "/api/auth/login/", body, formType...), 200).Token
		if s, err := w.guard.Verify(t.Context(), durin.Secret(token)); err != nil || s.Client.Name != "cli" {
			t.Errorf("%s: %+v, %v", body, s, err)
		}
	}
}
