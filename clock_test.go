package durin

import (
	"testing"
	"time"
)

func TestInstantFollowsTheSystemClock(t *testing.T) {
	g := &Guard{systemClock: true, begun: time.Now()}
	g.wall.begun = g.begun
	for range 1000 {
		before := int64(time.Since(g.begun))
		mono, wall := g.instant()
		after := int64(time.Since(g.begun))
		if mono < before || mono > after {
			t.Fatalf("%d is not between %d and %d", mono, before, after)
		}
		if off := time.Since(time.UnixMicro(wall)).Abs(); off > time.Minute {
			t.Fatal("the wall clock is", off, "away")
		}
	}
	g.wall.offset.Add(int64(time.Hour)) // as if the clock had been put back since
	g.wall.read.Store(0)
	if _, wall := g.instant(); time.UnixMicro(wall).After(time.Now().Add(time.Minute)) {
		t.Error("a clock that was put back is not noticed")
	}
}

func TestInstantOfAGivenClock(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	g := &Guard{opt: Options{Now: func() time.Time { return now }}, begun: now.Add(-time.Hour)}
	if mono, wall := g.instant(); mono != int64(time.Hour) || wall != now.UnixMicro() {
		t.Error(mono, wall)
	}
}
