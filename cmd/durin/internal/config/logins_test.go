package config

import (
	"testing"
	"time"

	"github.com/durin-go/durin/loginlimit"
)

func TestLoginLimit(t *testing.T) {
	numbers := func(change func(*loginlimit.Numbers)) loginlimit.Numbers {
		n := loginlimit.Numbers{}.OrDefaults()
		change(&n)
		return n
	}
	for text, want := range map[string]struct {
		on      bool
		numbers loginlimit.Numbers
	}{
		"on": {true, loginlimit.Numbers{}}, "off": {}, "false": {},
		"account=50":                    {true, numbers(func(n *loginlimit.Numbers) { n.Account = 50 })},
		"pair=5, window=1h,max-lock=2d": {true, numbers(func(n *loginlimit.Numbers) { n.Pair, n.Window, n.MaxLock = 5, time.Hour, 48*time.Hour })},
	} {
		c := &Config{LoginLimit: true}
		if err := setLoginLimit(c, text); err != nil || c.LoginLimit != want.on || c.LoginNumbers != want.numbers {
			t.Errorf("%q: %v %v %v", text, c.LoginLimit, c.LoginNumbers, err)
		}
	}
	for _, text := range []string{"", "maybe", "account=0", "account=-1", "account=x", "account", "accounts=5", "window=1ms", "window=8d", "window=never", "lock=1h,max-lock=1m", "account=5,"} {
		if err := setLoginLimit(&Config{}, text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
