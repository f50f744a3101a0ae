package config

import "testing"

func TestBesideSettings(t *testing.T) {
	for _, test := range []struct {
		name, text string
		good       bool
	}{
		{"identity-prefix", "Remote-", true},
		{"identity-prefix", "", false},
		{"identity-prefix", "X Y", false},
		{"signin-url", "", true},
		{"signin-url", "https://app.example.org/login?x=y", true},
		{"signin-url", "/login", true},
		{"signin-url", "/login?x=y", true},
		{"signin-url", "//evil.example.org/login", false},
		{"signin-url", "/\\evil.example.org/login", false},
		{"signin-url", "/login#x", false},
		{"signin-url", "login", false},
		{"signin-url", "javascript:alert(1)", false},
		{"signin-url", "https://user@app.example.org/", false},
		{"return-to", "", true},
		{"return-to", "app.example.org, app.example.org:8443", true},
		{"return-to", "*.example.org", false},
		{"return-to", "https://app.example.org", false},
	} {
		for _, s := range besideSettings() {
			if s.name != test.name {
				continue
			}
			if err := s.set(&Config{}, test.text); (err == nil) != test.good {
				t.Errorf("%s %q: %v", test.name, test.text, err)
			}
		}
	}
}
