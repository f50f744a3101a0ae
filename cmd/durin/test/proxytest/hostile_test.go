package proxytest

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/durin-go/durin"
)

// A place is a route of the documented files, with a caller that it is for.
type place struct {
	name, base string
	client     string // whose token the caller has; "": anonymous
	loose      bool   // whether other paths have stricter rules
}

var places = []place{
	{"default", "/", "web", false},
	{"looser", "/cli/", "cli", true},
	{"optional", "/public/", "", true},
	{"optional, signed in", "/public/", "cli", true},
}

// What the right answer to a hostile request is.
type right int

const (
	passes  right = iota // the application gets it, and who asks is told rightly
	either               // that, or it is refused with a status from 400 to 499
	refused              // the application does not get it
	strict               // refused where the route has looser rules than other paths
)

// A row is a hostile request, for a place.
type row struct {
	name    string
	right   right
	method  string   // "": GET
	path    string   // behind the base of the place, or, with a slash, whole
	headers []string // beside those of the caller
	lines   string   // for HTTP/1 alone
	body    string
	old     bool // HTTP/1.0
	anyone  bool // without the caller's token
	chunked bool // a body whose length is not told: Caddy 2.6 never ends it for FastCGI
	check   func(t *testing.T, a answer)
}

// separators are the characters that may stand in a header's name (RFC 9110 section
// 5.6.2), and are no letters or digits.
const separators = "!#$%&'*+-.^_`|~"

func spellings() []row {
	var rows []row
	for _, c := range separators {
		sep := string(c)
		for _, name := range []string{"X-Durin-User", "X-Durin-User-Id", "X-Durin-Client", "X-Durin-Session", "X-Durin-Expiry", "X-Durin-Admin", "X-Durin-Optional"} {
			spelt := strings.ReplaceAll(name, "-", sep)
			rows = append(rows, row{name: spelt, right: either, headers: []string{spelt, "boss"}})
		}
		mixed := strings.Replace("X-Durin-User", "n-", "n"+sep, 1)
		rows = append(rows, row{name: mixed, right: either, headers: []string{mixed, "boss", "x-durin" + sep + "user-id", "666"}})
		mixed = strings.Replace("X-Durin-User", "X-", "X"+sep, 1)
		rows = append(rows, row{name: mixed, right: either, headers: []string{mixed, "boss", "X-DURIN-USER", "boss"}})
	}
	return rows
}

var headerRows = []row{
	{name: "plain", right: passes},
	{name: "twice", right: passes, headers: []string{"X-Durin-User", "boss", "X-Durin-User", "root", "x-durin-user-id", "666"}},
	{name: "empty", right: passes, headers: []string{"X-Durin-User", "", "X-Durin-User-Id", ""}},
	{name: "in three cases", right: passes, headers: []string{"x-durin-user", "a", "X-DURIN-USER", "b", "X-dUrIn-UsEr", "c"}},
	{name: "names in Connection", right: either, headers: []string{"Connection", "X-Durin-User, X-Durin-User-Id"}},
	{name: "names in Connection, 2", right: either, headers: []string{"Connection", "close", "connection", "x-durin-client,x-durin-session,x-durin-expiry,X-Durin-User"}},
	{name: "names in Connection, 3", right: either, headers: []string{"Connection", "keep-alive, X-Forwarded-For, X-Forwarded-Proto, X-Durin-User", "X-Durin-User", "boss"}},
	{name: "Connection of a WebSocket", right: either, headers: []string{"Connection", "Upgrade, X-Durin-User, X-Forwarded-For", "Upgrade", "foo/2"}},
	{name: "the token in Connection", right: either, headers: []string{"Connection", "Authorization, Cookie, Origin"}},
	{name: "names in Keep-Alive and TE", right: either, headers: []string{"Keep-Alive", "X-Durin-User", "Te", "trailers", "Proxy-Connection", "X-Durin-User"}},
	{name: "a method of its own", right: passes, headers: []string{"X-Forwarded-Method", "OPTIONS", "X-Original-Method", "OPTIONS", "Access-Control-Request-Method", "GET"}},
	{name: "a host of its own", right: passes, headers: []string{"X-Forwarded-Host", "evil.test", "X-Forwarded-Uri", "/public/", "X-Original-Uri", "/public/"}},
	{name: "another path in a header", right: passes, headers: []string{"X-Original-URL", "/web/x", "X-Rewrite-URL", "/web/x"},
		check: func(t *testing.T, a answer) {
			for name := range a.seen.Headers {
				if plain(name) == "x-original-url" || plain(name) == "x-rewrite-url" {
					t.Errorf("the application sees %s", name)
				}
			}
		}},
	{name: "an address of its own", right: passes, headers: []string{"Forwarded", "for=192.0.2.1", "X-Forwarded-For", "192.0.2.1"}},
	{name: "folded", right: either, lines: "X-Other: a\r\n X-Durin-User: boss\r\n"},
	{name: "folded, 2", right: either, lines: "X-Durin-User:\r\n\tboss\r\n"},
	{name: "folded, 3", right: either, lines: "X-Other: a\r\n\r\tX-Durin-User: boss\r\n"},
	{name: "a blank before the colon", right: either, lines: "X-Durin-User : boss\r\n"},
	{name: "a tab before the colon", right: either, lines: "X-Durin-User\t: boss\r\n"},
	{name: "a blank before the name", right: either, lines: " X-Durin-User: boss\r\n"},
	{name: "a blank in the name", right: either, lines: "X Durin User: boss\r\n"},
	{name: "bare line feeds", right: either, lines: "X-Other: a\nX-Durin-User: boss\r\n"},
	{name: "a bare carriage return", right: either, lines: "X-Other: a\rX-Durin-User: boss\r\n"},
	{name: "a NUL", right: either, lines: "X-Durin-User\x00: boss\r\nX-Other: a\x00\r\n"},
	{name: "a byte beyond ASCII", right: either, lines: "X\xadDurin\xadUser: boss\r\n"},
	{name: "a name without a colon", right: either, lines: "X-Durin-User\r\n"},
	{name: "a trailer", right: either, method: "POST", chunked: true, lines: "Transfer-Encoding: chunked\r\nTrailer: X-Durin-User\r\n", body: "1\r\na\r\n0\r\nX-Durin-User: boss\r\nX.Durin.User: boss\r\n\r\n"},
	{name: "HTTP/1.0 without Host", right: passes, old: true},
	{name: "HTTP/1.0 with Host", right: passes, old: true, lines: "Host: app.test\r\n"},
	{name: "HTTP/1.0, forged", right: either, old: true, headers: []string{"X-Durin-User", "boss", "X.Durin.User", "boss", "Connection", "X-Durin-User"}},
	{name: "HTTP/1.0 without Host and token", right: passes, old: true, anyone: true},
	{name: "a preflight", right: passes, method: "OPTIONS", anyone: true, headers: []string{"Origin", "https://app.test", "Access-Control-Request-Method", "PUT"}},
	{name: "a preflight, forged", right: either, method: "OPTIONS", anyone: true, headers: []string{"Origin", "https://app.test", "Access-Control-Request-Method", "PUT", "X.Durin.User", "boss", "X-Durin-User", "boss"}},
	{name: "OPTIONS that is no preflight", right: passes, method: "OPTIONS", anyone: true},
	{name: "a bad token", right: refused, anyone: true, headers: []string{"Authorization", "Token x"}, check: challenged},
	{name: "a dead cookie", right: refused, anyone: true, headers: []string{"Cookie", "own=1; __Host-durin=DEAD"}, check: cookieGone},
	{name: "a dead cookie of a page", right: refused, anyone: true, headers: []string{"Cookie", "__Host-durin=DEAD; own=1", "Accept", "text/html", "Sec-Fetch-Mode", "navigate"}, check: cookieGone},
	{name: "cookies of other pages", right: passes, headers: []string{"Cookie", "own=1; __Host-durin-admin=a; __Host-durin-account=b; last=2"}, check: func(t *testing.T, a answer) {
		cgi := map[string][]string(a.seen.Headers)["COOKIE"] // as PHP tells it
		if got := strings.Join(slices.Concat(a.seen.Headers["Cookie"], cgi), "; "); got != "own=1; last=2" {
			t.Errorf("the application gets the cookies %q", got)
		}
	}},
	{name: "cookies in two lines", right: passes, headers: []string{"Cookie", "own=1", "Cookie", "__Host-durin-admin=a"}},
}

func challenged(t *testing.T, a answer) {
	if got := strings.Join(a.header["Www-Authenticate"], ", "); a.status != 401 || !strings.HasPrefix(got, `Token, Bearer realm="durin"`) {
		t.Errorf("answered %d, challenged with %q", a.status, got)
	}
}

func cookieGone(t *testing.T, a answer) {
	challenged(t, a)
	for _, line := range a.header["Set-Cookie"] {
		if c, err := http.ParseSetCookie(line); err == nil && c.Name == durin.DefaultCookie && c.Value == "" && c.MaxAge < 0 {
			return
		}
	}
	t.Errorf("the dead cookie stays: %q", a.header["Set-Cookie"])
}

// pathRows ask for /web/x, which only the default route's callers may have, from
// places with looser rules: some as it stands, and some by way of the place.
func pathRows() []row {
	var rows []row
	for _, p := range []string{
		"/web/x", "//web/x", "///web//x", "/./web/x", "/x/../web/x", "/../web/x", "/%77eb/x", "/%2e/web/x", "/%2e%2e/web/x", "/%2fweb/x", "/%5cweb/x", `/\web/x`, `\web/x`,
		"/web;a=b/x", "/;/web/x", "/web%3b/x", "/%2577eb/x", "/WEB/x", "/web./x", "/web%20/x", "/web%00/x", "/web%09/x", "/web/x#", "/web", "/web?", "/%E2%80%8Bweb/x", "/we\xffb/x",
		"http://app.test/web/x", "http://app.test//web/x", "/a%2f..%2fweb/x", "/web/%", "/web/%zz", "/%u0077eb/x",
	} {
		rows = append(rows, row{name: "path " + p, right: strict, path: p})
	}
	for _, p := range []string{
		"../web/x", "./../web/x", "..//web/x", "/../web/x", "%2e%2e/web/x", "%2E%2E/web/x", ".%2e/web/x", "..%2fweb/x", "..%2Fweb/x", "%2e%2e%2fweb/x", "..%5cweb/x", `..\web/x`,
		`..\..\web/x`, "..;/web/x", "..;a=b/web/x", "%252e%252e/web/x", "..%252fweb/x", "%25%32%65%25%32%65/web/x", "..%00/web/x", "a/../../web/x", "x/%2e%2e/%2e%2e/web/x", "..%c0%afweb/x",
		"..#/../web/x", "..?/../web/x", "%2e%2e;/web/x", "..%3b/web/x", "..%3B/web/x", ".../../web/x", "%u002e%u002e/web/x", "..", ".", "%2e%2e",
	} {
		rows = append(rows, row{name: "path by way of " + p, right: strict, path: p})
	}
	for _, p := range []string{"a%20b", "a~b-c_d.e", "%C3%A9", "a+b", "@a:b,c=d", "x?next=//evil/../;a%2f%00", "v1.2/a..b", ".hidden/x"} {
		rows = append(rows, row{name: "an innocent path " + p, right: passes, path: p, check: func(t *testing.T, a answer) {
			if !strings.HasSuffix(a.seen.Path, "/"+p) {
				t.Errorf("the application gets %s", a.seen.Path)
			}
		}})
	}
	return rows
}

// read is how the most careless application reads a path: decoded until nothing
// is left to decode, in one case, without parameters, dots and blanks at the end.
func read(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		raw = u.EscapedPath()
	}
	raw, _, _ = strings.Cut(raw, "?")
	for range 4 {
		if decoded, err := url.PathUnescape(raw); err == nil {
			raw = decoded
		}
	}
	raw = strings.NewReplacer(`\`, "/", "\xc0\xaf", "/", "%u002e", ".", "%u0077", "w").Replace(strings.ToLower(raw))
	segments := strings.Split(raw, "/")
	for i, s := range segments {
		s, _, _ = strings.Cut(s, ";")
		s, _, _ = strings.Cut(s, "\x00")
		if s = strings.TrimRight(s, " \t"); strings.Trim(s, ".") != "" {
			s = strings.TrimRight(s, ".")
		}
		segments[i] = s
	}
	return path.Clean("/"+strings.Join(segments, "/")) + "/"
}

// plain is a header's name as CGI reduces it.
func plain(name string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return '-'
	}, strings.ToLower(name))
}

// TestHostile sends every row to every place, behind each proxy, with an application
// that speaks HTTP and one that speaks FastCGI, by HTTP/1 and HTTP/2.
func TestHostile(t *testing.T) {
	var cells atomic.Int64
	rows := append(append(spellings(), headerRows...), pathRows()...)
	t.Run("all", func(t *testing.T) {
		for name, start := range proxies {
			for _, app := range []string{"Go", "PHP"} {
				t.Run(name+"/"+app, func(t *testing.T) {
					t.Parallel()
					w := newWorld(t)
					change := same
					if app == "PHP" {
						change = startPHP(t).behind(w)[name]
					}
					start(w, func(text string) string { return change(strings.ReplaceAll(text, "burst:50/s", "burst:1000000/s")) })
					for _, p := range places {
						cells.Add(w.try(t, p, slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return r.chunked && name == "caddy" && app == "PHP" })))
					}
				})
			}
		}
	})
	t.Logf("%d cells of %d requests", cells.Load(), len(rows))
}

// try sends rows to a place, and returns how many cells these were.
func (w *world) try(t *testing.T, p place, rows []row) (cells int64) {
	w.t = t
	token, dead := "", w.token("browser")
	if _, err := w.guard.End(t.Context(), durin.Selection{Client: "browser"}); err != nil {
		t.Fatal(err)
	}
	if p.client != "" {
		token = w.token(p.client)
	}
	session, err := w.guard.Verify(t.Context(), durin.Secret(token))
	if (err == nil) != (token != "") {
		t.Fatal(err)
	}
	for _, r := range rows {
		h := hostile{method: "GET", path: p.base + r.path, old: r.old, lines: r.lines, body: r.body}
		if r.method != "" {
			h.method = r.method
		}
		if strings.HasPrefix(r.name, "path ") && !strings.HasPrefix(r.name, "path by") {
			h.path = r.path
		}
		for _, text := range r.headers {
			h.headers = append(h.headers, strings.ReplaceAll(text, "DEAD", dead))
		}
		who := session
		if r.anyone {
			who = nil
		} else if token != "" {
			h.headers = append(h.headers, "Authorization", "Token "+token)
		}
		ways := map[string]func(hostile) answer{"HTTP/1": w.send1}
		if r.lines == "" && !r.old {
			ways["HTTP/2"] = w.send2
		}
		for version, send := range ways {
			cells++
			t.Run(fmt.Sprintf("%s/%s/%s", p.name, r.name, version), func(t *testing.T) {
				w.t = t
				w.judge(t, p, r, who, send(h))
			})
		}
	}
	return cells
}

// judge holds an answer to what is right.
func (w *world) judge(t *testing.T, p place, r row, who *durin.Session, a answer) {
	want := r.right
	if r.anyone && want != refused && p.base != "/public/" {
		want = refused
	}
	if want == strict {
		if want = either; p.loose && read(w.whole(p, r)) != "" && !strings.HasPrefix(read(w.whole(p, r)), p.base) {
			want = refused
		}
	}
	told := a.status >= 400 && a.status < 500 || a.status == 0
	switch {
	case a.status == 200 && a.seen == nil:
		t.Errorf("answered 200 with %q", a.body)
	case want == passes && a.seen == nil, want == either && a.seen == nil && !told, want == refused && !told:
		t.Errorf("answered %d %s", a.status, a.body)
	}
	if a.seen != nil {
		w.judgeSeen(t, p, who, a.seen)
	}
	if r.check != nil && (a.seen != nil || want == refused && r.right == refused) {
		r.check(t, a)
	}
}

// whole is the path of a request.
func (w *world) whole(p place, r row) string {
	if strings.HasPrefix(r.name, "path ") && !strings.HasPrefix(r.name, "path by") {
		return r.path
	}
	return p.base + r.path
}

// judgeSeen holds what the application sees to what is true.
func (w *world) judgeSeen(t *testing.T, p place, who *durin.Session, s *seen) {
	want := map[string]string{"x-durin-user-id": "", "x-durin-user": "", "x-durin-client": "", "x-durin-session": "", "x-durin-expiry": ""}
	if who != nil {
		want = map[string]string{
			"x-durin-user-id": "1", "x-durin-user": "ada", "x-durin-client": who.Client.Name, "x-durin-session": fmt.Sprint(who.ID),
			"x-durin-expiry": who.ExpiresAt.UTC().Format(time.RFC3339Nano),
		}
	}
	for name, values := range s.Headers {
		reduced := plain(name)
		got := strings.Join(values, "|")
		switch value, ours := want[reduced]; {
		case ours && (got != value || len(values) != 1):
			t.Errorf("the application sees %s: %q, want %q", name, values, value)
		case !ours && strings.HasPrefix(reduced, "x-durin-"):
			t.Errorf("the application sees %s: %q", name, values)
		case reduced == "cookie" && strings.Contains(got, durin.DefaultCookie):
			t.Errorf("the application sees the cookies %q", got)
		case reduced == "forwarded" && got != "":
			t.Errorf("the application sees %s: %q", name, values)
		case reduced == "x-forwarded-for" && got != "127.0.0.1":
			t.Errorf("the application sees %s: %q", name, values)
		}
		delete(want, reduced)
	}
	for name, value := range want {
		if value != "" {
			t.Errorf("the application sees no %s", name)
		}
	}
	if p.loose && !strings.HasPrefix(read(s.Path), p.base) {
		t.Errorf("a caller who may not have it gets %s", s.Path)
	}
}
