package config

import (
	"maps"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestCompat(t *testing.T) {
	load := func(environ ...string) (*Config, error) {
		c, _, err := Load(Sources{Flags: pflag.NewFlagSet("", pflag.ContinueOnError), Environ: environ})
		return c, err
	}
	c, err := load("DURIN_COMPAT=knox=mobile, multitoken,drf", "DURIN_COMPAT_PATH=knox=/api/auth/,drf=/api-token-auth", "DURIN_MOUNT=/durin")
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(c.Compat, map[string]string{"knox": "mobile", "multitoken": "multitoken", "drf": "drf"}) ||
		!maps.Equal(c.CompatPaths, map[string]string{"knox": "/api/auth", "multitoken": "/durin/multitoken", "drf": "/api-token-auth"}) {
		t.Errorf("%v at %v", c.Compat, c.CompatPaths)
	}
	for setting, what := range map[string]string{
		"DURIN_COMPAT=jwt": `"jwt" is not one of drf, knox, multitoken`, "DURIN_COMPAT=knox,knox=a": "twice",
		"DURIN_COMPAT_PATH=knox=/old": "compat does not", "DURIN_COMPAT_PATH=knox": "not a plain path", "DURIN_COMPAT_PATH=knox=/": "not a plain path",
	} {
		if _, err := load("DURIN_COMPAT=", setting); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v, want %q", setting, err, what)
		}
	}
}
