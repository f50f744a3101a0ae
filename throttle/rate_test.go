package throttle

import (
	"testing"
	"time"
)

func TestParseRate(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]Rate{
		"":             {},
		"  ":           {},
		"100/h":        {100, time.Hour},
		"1/s":          {1, time.Second},
		"2/m":          {2, time.Minute},
		"3/d":          {3, day},
		"0/m":          {0, time.Minute},
		"+5/m":         {5, time.Minute},
		"5 /m":         {5, time.Minute},
		" 5/m ":        {5, time.Minute},
		"1_000/d":      {1000, day},
		"7/min":        {7, time.Minute},
		"7/minute":     {7, time.Minute},
		"7/seconds":    {7, time.Second},
		"7/hour":       {7, time.Hour},
		"7/days":       {7, day},
		"007/m":        {7, time.Minute},
		"1000000000/d": {1_000_000_000, day},
	} {
		got, err := ParseRate(text)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"blahblah", "abc/m", "5", "5/", "/m", "5/x", "5/m/m", "-1/m", "1__0/m", "_1/m", "1_/m", "1.5/m", "5/M", "1000000001/d", "99999999999999999999/m", "٢/m"} {
		if got, err := ParseRate(text); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

func FuzzParseRate(f *testing.F) {
	for _, seed := range []string{"1/s", "+5 /minute", "1_000/d", "", "/", "0/h"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRate(text)
		if err != nil {
			return
		}
		if r.N < 0 || r.N > maxRate {
			t.Fatalf("%q: %v", text, r)
		}
		if again, err := ParseRate(r.String()); err != nil || again != r {
			t.Fatalf("%q: %v reads back as %v, %v", text, r, again, err)
		}
	})
}
