package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/durin-go/durin/internal/span"
	"github.com/durin-go/durin/loginlimit"
)

// setLoginLimit reads on, off, or the numbers that are not to be those of on:
// "account=50,window=1h".
func setLoginLimit(c *Config, t string) (err error) {
	c.LoginNumbers = loginlimit.Numbers{}
	if !strings.Contains(t, "=") {
		c.LoginLimit, err = parseSwitch(t)
		return err
	}
	n := loginlimit.Numbers{}.OrDefaults()
	counts := map[string]*int{"pair": &n.Pair, "account": &n.Account, "address": &n.Address}
	spans := map[string]*time.Duration{"window": &n.Window, "lock": &n.Lock, "max-lock": &n.MaxLock}
	for part := range strings.SplitSeq(t, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case counts[name] != nil:
			*counts[name], err = strconv.Atoi(value)
			if err != nil || *counts[name] < 1 || *counts[name] > maxFailures {
				return fmt.Errorf("%s is %q: want a whole number from 1 to %d", name, value, maxFailures)
			}
		case spans[name] != nil:
			if *spans[name], err = span.Parse(value); err != nil || *spans[name] < time.Second || *spans[name] > maxLoginSpan {
				return fmt.Errorf("%s is %q: want a span from 1s to 7d", name, value)
			}
		default:
			return fmt.Errorf("%q is not one of pair=, account=, address=, window=, lock=, max-lock=", part)
		}
	}
	if n.MaxLock < n.Lock {
		return fmt.Errorf("max-lock is %s, shorter than lock, %s", n.MaxLock, n.Lock)
	}
	c.LoginLimit, c.LoginNumbers = true, n
	return nil
}

// Bounds of what is remembered of an account or address: for how long, and how
// many failures.
const (
	maxLoginSpan = 7 * 24 * time.Hour
	maxFailures  = 1000
)
