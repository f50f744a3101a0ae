package config

import (
	"strings"
	"testing"
)

func TestLoginClient(t *testing.T) {
	for text, want := range map[string]LoginClient{
		"field": {Field: "client"}, "field:app": {Field: "app"}, "header:x-api-client": {Header: "X-Api-Client"}, "header:CLIENTNAME": {Header: "Clientname"},
		"user-agent": {UserAgent: true}, "=web": {Name: "web"}, "=my app": {Name: "my app"}, "==": {Name: "="},
	} {
		var c Config
		if err := setLoginClient(&c, text); err != nil || c.LoginClient != want {
			t.Errorf("%q: %+v, %v, want %+v", text, c.LoginClient, err, want)
		}
	}
	for _, text := range []string{
		"", "web", "Field", "field:", "field:password", "field:username", "field:device", "header", "header:", "header:a b", "header:a:b", "header:X-Clié", "header:authorization",
		"header:Cookie", "user-agent:x", "=", "=" + strings.Repeat("a", 65), "=\xff",
	} {
		if err := setLoginClient(&Config{}, text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestCookieName(t *testing.T) {
	for text, good := range map[string]bool{
		"__Host-durin": true, "__Secure-app": true, "CERTEGO_SAAS_AUTH_TOKEN": true, "a.b": true,
		"": false, "a b": false, "a=b": false, "a;b": false, "ä": false, "__host-durin": false, "__SECURE-a": false, "__Host-": false,
		"__Host-durin-admin": false, "__Host-durin-account": false, "__Host-durin-account-notice": false, "__Host-durin-accounts": true,
	} {
		if err := setCookieName(&Config{}, text); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}
