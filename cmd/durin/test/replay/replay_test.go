package replay

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func answer(status int, body string, headers ...string) Answer {
	a := Answer{Status: status, Header: http.Header{}, Body: []byte(body)}
	for i := 0; i < len(headers); i += 2 {
		a.Header.Add(headers[i], headers[i+1])
	}
	return a
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		want string
		got  Answer
		fine bool
	}{
		{`{"status":200}`, answer(200, ""), true},
		{`{"status":200}`, answer(201, ""), false},
		{`{"status":[200,401]}`, answer(401, ""), true},
		{`{"status":[200,401]}`, answer(500, ""), false},
		{`{"status":404}`, answer(404, "<html>"), false},
		{`{"status":200,"json":{"a":[1,"b"]}}`, answer(200, ` {"a":[1,"b"]}`), true},
		{`{"status":200,"json":{"a":[1,"b"]}}`, answer(200, `{"a":[1,"c"]}`), false},
		{`{"status":200,"json":{"a":1}}`, answer(200, `{"a":1,"b":2}`), false},
		{`{"status":200,"json":{"a":1}}`, answer(200, `{"b":1}`), false},
		{`{"status":200,"json":[1]}`, answer(200, `[1,2]`), false},
		{`{"status":200,"json":{"a":null}}`, answer(200, `{"a":false}`), false},
		{`{"status":200,"json":1}`, answer(200, `x`), false},
		{`{"status":200,"json":{"t":"2026-11-24T11:04:45.424086Z"},"volatile":["t"]}`, answer(200, `{"t":"2027-01-02T03:04:05Z"}`), true},
		{`{"status":200,"json":{"t":"2026-11-24T11:04:45.424086Z"},"volatile":["t"]}`, answer(200, `{"t":"2027-01-02T03:04:05+05:30"}`), false},
		{`{"status":200,"json":{"t":"2026-11-24T11:04:45.424086Z"},"volatile":["t"]}`, answer(200, `{"t":null}`), false},
		{`{"status":200,"json":{"t":"2026-11-24T11:04:45.424086Z"}}`, answer(200, `{"t":"2027-01-02T03:04:05Z"}`), false},
		{`{"status":200,"json":[{"id":1,"x":"75 years"}],"volatile":["*.id","0.x"]}`, answer(200, `[{"id":7,"x":"a day"}]`), true},
		{`{"status":200,"json":[{"id":1}],"volatile":["1.id"]}`, answer(200, `[{"id":7}]`), false},
		{`{"status":200,"json":[{"id":1}],"volatile":["*.id"]}`, answer(200, `[{"id":"7"}]`), false},
		{`{"status":400,"detail_prefix":"JSON parse error - "}`, answer(400, `{"detail":"JSON parse error - x"}`), true},
		{`{"status":400,"detail_prefix":"JSON parse error - "}`, answer(400, `{"detail":"x"}`), false},
		{`{"status":429,"json":{"detail":"Expected available in 60 seconds."},"headers":{"Retry-After":"60"}}`, answer(429, `{"detail":"Expected available in 59 seconds."}`, "Retry-After", "59"), true},
		{`{"status":429,"json":{"detail":"Expected available in 60 seconds."}}`, answer(429, `{"detail":"Expected available in 58 seconds."}`), false},
		{`{"status":429,"json":{"detail":"Expected available in 1 second."}}`, answer(429, `{"detail":"Expected available in 1 seconds."}`), false},
		{`{"status":429,"headers":{"Retry-After":"60"}}`, answer(429, "", "Retry-After", "58"), false},
		{`{"status":405,"headers":{"Allow":["GET","POST"]}}`, answer(405, "", "Allow", "POST, GET,OPTIONS"), true},
		{`{"status":405,"headers":{"Allow":["GET","POST"]}}`, answer(405, "", "Allow", "GET, OPTIONS"), false},
		{`{"status":401,"headers":{"WWW-Authenticate":"Token"}}`, answer(401, "", "WWW-Authenticate", "Token"), true},
		{`{"status":401,"headers":{"WWW-Authenticate":"Token"}}`, answer(401, ""), false},
	} {
		var w Want
		if err := json.Unmarshal([]byte(c.want), &w); err != nil {
			t.Fatal(err)
		}
		if faults := w.check("GET", c.got, nil); (len(faults) == 0) != c.fine {
			t.Errorf("%s: %d %s %v: %q", c.want, c.got.Status, c.got.Body, c.got.Header, faults)
		}
	}
}

func TestAsWithSlash(t *testing.T) {
	w := Want{Status: Status{AsWithSlash: true}}
	with := answer(200, `{"expiry":"2026-11-24T11:04:45.424086Z"}`)
	for _, c := range []struct {
		got  Answer
		fine bool
	}{
		{answer(200, `{"expiry":"2026-11-24T11:04:46Z"}`), true},
		{answer(200, `{"expiry":null}`), false},
		{answer(301, `{"expiry":"2026-11-24T11:04:46Z"}`), false},
	} {
		if faults := w.check("POST", c.got, &with); (len(faults) == 0) != c.fine {
			t.Errorf("%d %s: %q", c.got.Status, c.got.Body, faults)
		}
	}
}

func TestRequestBytes(t *testing.T) {
	var r Request
	err := json.Unmarshal([]byte(`{"method":"POST","path":"/a//b","headers":{"X":"Token {{token from one}}ÿ"},"body":{"base64":"/w=="}}`), &r)
	if err != nil {
		t.Fatal(err)
	}
	got := string(r.bytes(func(step string) string { return strings.ToUpper(step) }))
	want := "POST /a//b HTTP/1.1\r\nX: Token ONE\xff\r\nHost: localhost\r\nContent-Length: 1\r\nConnection: close\r\n\r\n\xff"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestFlags(t *testing.T) {
	var s Settings
	err := json.Unmarshal([]byte(`{"REST_DURIN":{"EXPIRY_DATETIME_FORMAT":null,"API_ACCESS_CLIENT_NAME":null,"DEFAULT_TOKEN_TTL":3600,"REFRESH_TOKEN_ON_LOGIN":true,"AUTH_HEADER_PREFIX":"Bearer"},
		"REST_FRAMEWORK":{"DEFAULT_THROTTLE_RATES":{}},"TIME_ZONE":"Asia/Kolkata"}`), &s)
	if err != nil {
		t.Fatal(err)
	}
	got := s.flags()
	want := []string{"--api-access-client=", "--auth-scheme=Bearer", "--expiry-format=none", "--refresh-on-login=true", "--timezone=Asia/Kolkata", "--token-ttl=3600s"}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	standard := Settings{}.flags()
	slices.Sort(standard)
	if want := []string{"--api-access-client=apikey", "--auth-scheme=Token", "--expiry-format=iso-8601", "--throttle=2/m"}; !slices.Equal(standard, want) {
		t.Errorf("%q, want %q", standard, want)
	}
}
