package clock

import (
	"testing"
	"time"
)

func TestInstantFollowsTheSystemClock(t *testing.T) {
	c := New(nil)
	for range 1000 {
		before := int64(time.Since(c.begun))
		mono, wall := c.Instant()
		after := int64(time.Since(c.begun))
		if mono < before || mono > after {
			t.Fatalf("%d is not between %d and %d", mono, before, after)
		}
		if off := time.Since(time.UnixMicro(wall)).Abs(); off > time.Minute {
			t.Fatal("the wall clock is", off, "away")
		}
	}
	c.offset.Add(int64(time.Hour)) // as if the system clock had been put back since
	c.read.Store(0)
	if _, wall := c.Instant(); time.UnixMicro(wall).After(time.Now().Add(time.Minute)) {
		t.Error("a clock that was put back is not noticed")
	}
}

func TestInstantOfAGivenClock(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	c := New(func() time.Time { return now })
	now = now.Add(time.Hour)
	if mono, wall := c.Instant(); mono != int64(time.Hour) || wall != now.UnixMicro() {
		t.Error(mono, wall)
	}
}
