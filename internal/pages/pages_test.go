package pages

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func newSite(t *testing.T, page string) (*Site, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	s, err := New(Options{
		Path: "/x/", Templates: fstest.MapFS{"page.html": {Data: []byte(`{{define "content"}}` + page + `{{end}}`)}}, Cookie: "__Host-x",
		Log: slog.New(slog.NewTextHandler(&log, nil)), Now: func() time.Time { return time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, &log
}

// A fault in the middle of a page shows none of it.
func TestHalfAPage(t *testing.T) {
	s, log := newSite(t, `<p>the first half</p>{{index .Data 7}}`)
	w := httptest.NewRecorder()
	s.Render(w, httptest.NewRequest("GET", "/x/", nil), "page", View{Data: []int{1}})
	if w.Code != 500 || strings.Contains(w.Body.String(), "half") || strings.Contains(w.Body.String(), "<html") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "index out of range") {
		t.Errorf("the log does not tell why: %s", log)
	}
}

func TestEscaping(t *testing.T) {
	s, _ := newSite(t, `<p title="{{.Data}}">{{.Data}}</p>{{time .Intro}}`)
	if _, err := s.render("page", View{Data: `"><script>`}); err == nil {
		t.Error("a text can be told as a time")
	}
	s, _ = newSite(t, `<p title="{{.Data}}">{{.Data}}</p>`)
	body, err := s.render("page", View{Data: `"><script>`, Title: "</title><script>", User: "<script>", Brand: "<script>", Notice: &Notice{Text: "<script>"}})
	if err != nil || strings.Count(string(body), "<script>") != 0 {
		t.Errorf("%v\n%s", err, body)
	}
}

func TestNotice(t *testing.T) {
	s, _ := newSite(t, "")
	for _, text := range []string{"Done.", "<b>", strings.Repeat("ä", 1000), "a;b,c \"d\"\n"} {
		w := httptest.NewRecorder()
		s.Notify(w, "good", text)
		line := w.Header().Get("Set-Cookie")
		if !strings.HasPrefix(line, "__Host-x-notice=") || !strings.Contains(line, "; Secure") || !strings.Contains(line, "HttpOnly") {
			t.Errorf("the cookie is %s", line)
		}
		r := httptest.NewRequest("GET", "/x/", nil)
		r.Header.Set("Cookie", strings.Split(line, ";")[0])
		w = httptest.NewRecorder()
		n := s.notice(w, r)
		if n == nil || n.Kind != "good" || !strings.HasPrefix(text, n.Text) || len(n.Text) < min(len(text), maxNotice-4) {
			t.Errorf("%+v of %q", n, text)
		}
		if !strings.Contains(w.Header().Get("Set-Cookie"), "Max-Age=0") {
			t.Error("it is said again")
		}
	}
	for _, value := range []string{"%", "====", "_w"} {
		r := httptest.NewRequest("GET", "/x/", nil)
		r.Header.Set("Cookie", "__Host-x-notice="+value)
		if n := s.notice(httptest.NewRecorder(), r); n != nil {
			t.Errorf("%q says %+v", value, n)
		}
	}
}

func TestChart(t *testing.T) {
	day := time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC)
	c := Chart{Days: []time.Time{day, day.AddDate(0, 0, 1)}, Series: []Series{{Tone: "one", Counts: []int64{50, 0}}, {Tone: "two", Counts: []int64{50, 1}}}}
	want := []Bar{
		{"36.00", "50.00", "228.00", "50.00", "one"}, {"36.00", "0.00", "228.00", "50.00", "two"}, {"336.00", "99.00", "228.00", "1.00", "two"},
	}
	got := c.Bars()
	if len(got) != len(want) {
		t.Fatalf("%v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("bar %d: %v, want %v", i, got[i], want[i])
		}
	}
	rows := c.Rows()
	if rows[0].Day != c.Last() || rows[1].Counts[1] != 50 || c.Empty() || c.Series[1].Total() != 51 {
		t.Errorf("%+v", rows)
	}
	none := Chart{Days: c.Days, Series: []Series{{Counts: []int64{0, 0}}}}
	if !none.Empty() || none.Bars() != nil {
		t.Error("nothing is drawn")
	}
}

func TestWords(t *testing.T) {
	if _, err := ParseTexts("a = b\n\n# c\nno sign"); err == nil {
		t.Error("a line without a text is taken")
	}
	texts, err := ParseTexts("a = 1\nn.one = %s thing\nn.other = %s things of %s\nplain = no number", "a = 2")
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		texts.Text("a"): "2", texts.Text("none"): "none", texts.Text("plain", 7): "no number",
		texts.Count("n", 1): "1 thing", texts.Count("n", 1234, "x"): "1,234 things of x",
		Number(-1234567): "-1,234,567", Number(999): "999", Number(int64(1000)): "1,000", Bounded(10, 10): "10+", Bounded(9, 10): "9",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestIsPlain(t *testing.T) {
	for url, want := range map[string]bool{
		"http://localhost/": false, "http://localhost:8000/": false, "http://127.0.0.1:80/": false, "http://[::1]:1/": false, "http://a.localhost/": false,
		"http://example.org/": true, "http://10.0.0.1:80/": true, "http://localhost.example/": true, "https://example.org/": false,
	} {
		if got := IsPlain(httptest.NewRequest("GET", url, nil)); got != want {
			t.Errorf("%s: %v", url, got)
		}
	}
	r := httptest.NewRequest("GET", "http://example.org/", nil)
	r.Header.Set("X-Forwarded-Proto", "https")
	if IsPlain(r) {
		t.Error("behind a proxy")
	}
}

func TestPaths(t *testing.T) {
	for _, path := range []string{"", "/x", "x/", "/x?/", "/{a}/", "/a b/"} {
		if _, err := New(Options{Path: path, Templates: fstest.MapFS{}}); err == nil {
			t.Errorf("mounted under %q", path)
		}
	}
	s, _ := newSite(t, "")
	if got := s.At("users", "a/b ?", 7); got != "/x/users/a%2Fb%20%3F/7" {
		t.Error(got)
	}
}
