package durin_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/durintest"
)

// TestClockJumps sets the clock far ahead and back: no token is good at an instant
// at which it has run out, none dies for good of it, and no more pass a throttle.
func TestClockJumps(t *testing.T) {
	g := durintest.New(t)
	g.Client(durin.Client{Name: "cli", TTL: time.Hour, Rate: durin.Rate{N: 2, Period: time.Minute}})
	token := g.Token("ada", "cli")
	check := func(what string, want error) {
		t.Helper()
		if _, err := g.Verify(t.Context(), token); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	route := g.Throttle()(who)
	passes := func(what string, want int) {
		t.Helper()
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Token "+token.Reveal())
		if route.ServeHTTP(w, r); w.Code != want {
			t.Errorf("%s: %d, want %d", what, w.Code, want)
		}
	}
	check("at the beginning", nil)
	passes("the first", 200)
	passes("the second", 200)
	passes("the third", http.StatusTooManyRequests)

	const years = 90000 * time.Hour
	g.Clock.Advance(years)
	check("years ahead", durin.ErrExpired)
	g.Clock.Advance(-years)
	check("back again", nil)
	passes("back again", http.StatusTooManyRequests)

	g.Clock.Advance(-30 * time.Minute)
	check("half an hour back", nil)
	passes("half an hour back", http.StatusTooManyRequests)
	g.Clock.Advance(30*time.Minute + 61*time.Second)
	passes("a minute after the second", 200)

	g.Clock.Advance(time.Hour - 61*time.Second)
	check("at its last instant", nil)
	g.Clock.Advance(time.Microsecond)
	check("after it", durin.ErrExpired)
	g.Clock.Advance(-time.Second)
	check("a second back", nil)
	g.Clock.Advance(2 * time.Second)
	check("and over", durin.ErrExpired)
}
