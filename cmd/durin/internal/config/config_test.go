package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/spf13/pflag"
)

// load reads flags, an environment and a file's text.
func load(t *testing.T, args, environ []string, file string) (*Config, []string, error) {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	Bind(flags, Common)
	Bind(flags, Serving)
	if file != "" {
		path := filepath.Join(t.TempDir(), "durin.toml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", path)
	}
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return Load(Sources{Flags: flags, Environ: environ})
}

func TestDefaults(t *testing.T) {
	c, warnings, err := load(t, nil, []string{"HOME=/", "PATH=/bin"}, "")
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if c.Addr != "127.0.0.1:8000" || c.DB != "durin.db" || c.Mount != "/api/auth" || c.TokenTTL != 24*time.Hour || c.TokenLength != 64 ||
		strings.Join(c.AuthSchemes, " ") != "Token Bearer" || c.ExpiryFormat != "iso-8601" || c.Timezone != time.UTC || c.CacheTTL != time.Minute ||
		!c.LoginLimit || c.PruneAfter != 24*time.Hour || c.Throttle.IsSet() || c.Demo || c.LoginUser || c.MaxConnections != 10_000 || c.RequestTime != time.Minute || c.HashNice != 10 || c.AuditQueue != 10_000 || c.UsageRetention != 400*24*time.Hour || c.DrainTime != 0 || c.RefreshOnLogin || c.APIAccessClient != "" || c.CookieName != "__Host-durin" || c.LoginClient != (LoginClient{Field: "client"}) || c.Redis != "" || c.RedisAway != "local" || c.Notify != "auto" || c.IntrospectionTTL != durin.Never {
		t.Errorf("%+v", c)
	}
}

// TestEverySettingFromEverySource gives each setting a value by each way.
func TestEverySettingFromEverySource(t *testing.T) {
	values := map[string]string{
		"db": "x.db", "key-file": "k", "log-format": "json", "log-level": "warn", "addr": ":1", "addr-file": "a", "mount": "/x",
		"demo": "true", "public-url": "https://x.org/y/", "trusted-proxies": "10.0.0.1, 2001:db8::/32", "cors-origin": "https://a.org",
		"ops-addr": "[::1]:2", "verify-addr": "unix:/v", "tls-cert": "c", "tls-key": "k", "max-connections": "7", "request-time": "30s", "hash-nice": "0", "password-denylist": "l", "drain-time": "5s", "pid-file": "p", "access-log": "true", "token-ttl": "never", "token-length": "40",
		"token-prefix": "acme", "auth-scheme": "Bearer", "login-user": "true", "expiry-format": "%Y", "timezone": "Asia/Kolkata", "login-names": "Folded",
		"cache-ttl": "0", "refresh-on-login": "true", "api-access-client": "key", "api-access-hide-session": "true",
		"api-access-show-token": "true", "api-access-password": "true", "throttle": "5/m", "login-limit": "off", "prune-after": "never", "usage-retention": "30d",
		"audit": "off", "audit-keep": "never", "audit-chain": "a", "audit-queue": "9",
		"redis": "rediss://a@b:1/2", "redis-prefix": "p:", "redis-away": "closed", "notify": "postgres://a@b/c", "otlp-endpoint": "http://a:4318",
		"identity-prefix": "Remote-", "signin-url": "https://a.org/login", "return-to": "a.org", "introspection-ttl": "5m", "cookie-token": "true", "cookie-name": "SESSION", "login-client": "header:x-api-client", "cors-credentials": "true",
		"compat": "knox=mobile,drf", "compat-path": "knox=/old",
	}
	var args, environ []string
	var file strings.Builder
	for _, s := range settings() {
		v, ok := values[s.name]
		if !ok {
			t.Fatalf("the test has no value for %s", s.name)
		}
		args = append(args, "--"+s.name+"="+v)
		environ = append(environ, variable(s.name)+"="+v)
		file.WriteString(s.name + " = " + quoted(s, v) + "\n")
	}
	if len(values) != len(settings()) {
		t.Error("the test has values for what is no setting")
	}
	for name, from := range map[string]struct {
		args, environ []string
		file          string
	}{"flags": {args, nil, ""}, "environment": {nil, environ, ""}, "file": {nil, nil, file.String()}} {
		c, _, err := load(t, from.args, from.environ, from.file)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c.DB != "x.db" || c.KeyFile != "k" || c.Mount != "/x" || c.PublicURL.String() != "https://x.org/y" || len(c.TrustedProxies) != 2 ||
			c.TokenTTL != durin.Never || c.TokenLength != 40 || c.CacheTTL != 0 || c.Timezone.String() != "Asia/Kolkata" || c.LoginNames != durin.LoginNamesFolded || !c.APIAccessShowToken ||
			c.Throttle != (durin.Rate{N: 5, Period: time.Minute}) || c.LoginLimit || c.PruneAfter != durin.Never || !c.Demo || c.CORSOrigins[0] != "https://a.org" ||
			c.Redis != "rediss://a@b:1/2" || c.RedisPrefix != "p:" || c.RedisAway != "closed" || c.VerifyAddr != "unix:/v" || c.Notify != "postgres://a@b/c" || c.AuditQueue != 9 || c.IntrospectionTTL != 5*time.Minute || c.CookieName != "SESSION" || c.LoginClient != (LoginClient{Header: "X-Api-Client"}) {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func quoted(s setting, v string) string {
	switch {
	case s.isSwitch() || s.name == "token-length":
		return v
	case s.name == "trusted-proxies":
		return `["10.0.0.1", "2001:db8::/32"]`
	}
	return `"` + v + `"`
}

func TestPrecedence(t *testing.T) {
	c, _, err := load(t, []string{"--token-ttl", "1h"}, []string{"DURIN_TOKEN_TTL=2h", "DURIN_CACHE_TTL=2s", "DURIN_THROTTLE="}, "token-ttl = '3h'\ncache-ttl = '3s'\nthrottle = '3/m'\nlogin-user = true\n")
	if err != nil || c.TokenTTL != time.Hour || c.CacheTTL != 2*time.Second || c.Throttle.N != 3 || !c.LoginUser {
		t.Errorf("%v, %+v", err, c)
	}
	c, _, err = load(t, []string{"--throttle", "", "--login-user=false"}, []string{"DURIN_THROTTLE=2/m"}, "login-user = true\n")
	if err != nil || c.Throttle.IsSet() || c.LoginUser {
		t.Errorf("an empty flag does not count: %v, %+v", err, c)
	}
}

func TestFaults(t *testing.T) {
	tests := []struct {
		name, value, want string
	}{
		{"addr", "8000", "is not an address"}, {"addr", ":65536", "not a port"}, {"addr", ":http", "not a port"}, {"addr", ":+1", "not a port"},
		{"mount", "api", "slash"}, {"mount", "/a/../b", "plain path"}, {"mount", "/a b", "plain path"}, {"mount", "/a%2f", "plain path"}, {"mount", "/a//", "plain path"},
		{"public-url", "example.org", "not a plain URL"}, {"public-url", "https://a:open-sesame@b/", "not a plain URL"},
		{"trusted-proxies", "10.0.0.0/8,10.0.0.256", "10.0.0.256"}, {"cors-origin", "*", "* is not taken"}, {"cors-origin", "https://a.org/", "not an origin"},
		{"cors-origin", "https://A.org", "small letters"}, {"token-ttl", "0", "longer than zero"}, {"token-ttl", "-1h", "longer than zero"},
		{"token-ttl", "300000d", "292 years"}, {"token-length", "31", "from 32 to 256"}, {"token-length", "1e2", "from 32 to 256"},
		{"token-prefix", "a-b", "letters"}, {"token-prefix", strings.Repeat("a", 17), "at most 16"}, {"auth-scheme", "", "empty"}, {"auth-scheme", "Token,,Bearer", "empty"},
		{"auth-scheme", "To ken", "blank"}, {"timezone", "", "time zone"}, {"timezone", "Local", "time zone"}, {"timezone", "../etc/passwd", "time zone"},
		{"cache-ttl", "-1s", "negative"}, {"throttle", "-1/m", "not a rate"}, {"login-limit", "maybe", "on, off"}, {"prune-after", "x", "span"},
		{"demo", "maybe", "true, false"}, {"log-level", "loud", "debug"}, {"log-format", "xml", "auto, text, json"}, {"db", " ", "name a file"},
		{"redis", "localhost:6379", "not a URL"}, {"redis", "redis://a:open-sesame@%zz", "not a URL"}, {"redis", "http://a:open-sesame@b", "not a URL"}, {"redis-away", "maybe", "local, closed, open"},
		{"notify", "mysql://a:open-sesame@b/c", "auto, off"}, {"notify", "on", "auto, off"},
	}
	for _, test := range tests {
		_, _, err := load(t, []string{"--" + test.name + "=" + test.value}, nil, "")
		if err == nil || !strings.HasPrefix(err.Error(), "--"+test.name+": ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s=%q: %v, want %q", test.name, test.value, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "open-sesame") {
			t.Errorf("%s: the fault repeats a password", test.name)
		}
	}
	for name, args := range map[string][]string{
		"belong together": {"--tls-cert", "c"}, "do nothing without": {"--api-access-hide-session"}, "a port of its own": {"--addr", ":1", "--ops-addr", ":1"},
	} {
		if _, _, err := load(t, args, nil, ""); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestFileFaults(t *testing.T) {
	_, _, err := load(t, nil, nil, "tokn-ttl = '1h'\n[db]\nx = 1\n")
	if err == nil || !strings.Contains(err.Error(), `"tokn-ttl" is no setting: did you mean token-ttl?`) || !strings.Contains(err.Error(), "db: write a text") {
		t.Error(err)
	}
	if _, _, err := load(t, nil, nil, "key = 'x'\n"); err == nil {
		t.Error("a key in the file is taken")
	}
	if _, _, err := load(t, nil, nil, "db = 'postgres://a:open-sesame@b\n"); err == nil || strings.Contains(err.Error(), "open-sesame") {
		t.Errorf("a fault of form: %v", err)
	}
}

func FuzzFile(f *testing.F) {
	f.Add("token-ttl = '1h'\n")
	f.Add("auth-scheme = ['a', 'b']\n")
	f.Add("a = { b = 1 }\n")
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" {
			return
		}
		if c, _, err := load(t, nil, nil, text); err == nil && (c.TokenTTL <= 0 || len(c.AuthSchemes) == 0) {
			t.Errorf("taken: %+v", c)
		}
	})
}

// Networks that strangers are in are told from those of one's own.
func TestTrustsEverybody(t *testing.T) {
	for list, want := range map[string]string{
		"": "[]",
		"10.0.0.0/8,192.168.0.1,fd00::/8,fc00::/7": "[]",
		"203.0.113.0/24,2001:db8::/32,::1":         "[]",
		"0.0.0.0/0":                                "[0.0.0.0/0]",
		"0.0.0.0/1,128.0.0.0/1,10.0.0.0/8":         "[0.0.0.0/1 128.0.0.0/1]",
		"::/0,2000::/3":                            "[::/0 2000::/3]",
	} {
		var c Config
		if err := setProxies(&c, list); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(c.TrustsEverybody()); got != want {
			t.Errorf("%s: %s, want %s", list, got, want)
		}
	}
}
