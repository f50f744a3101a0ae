package clock

import (
	"testing"
	"time"
)

// TestAClockThatJumpsPrunesNothing sets the clock far ahead and back again.
func TestAClockThatJumpsPrunesNothing(t *testing.T) {
	wall, mono := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), time.Duration(0)
	h := &Hold{}
	for _, step := range []struct {
		what          string
		runs, set     time.Duration
		jumped, prune bool
	}{
		{"the first round", 0, 0, false, true},
		{"a minute later", time.Minute, 0, false, true},
		{"the clock loses a little", time.Minute, -time.Second, false, true},
		{"set ahead by years", time.Minute, 90000 * time.Hour, true, false},
		{"it stays there", time.Hour, 0, false, false},
		{"set right again", time.Minute, -90000 * time.Hour, true, false},
		{"steady, not for long enough", 23 * time.Hour, 0, false, false},
		{"steady for as long as rows are kept", time.Hour, 0, false, true},
		{"set back", time.Minute, -time.Hour, true, false},
		{"a day later", 24 * time.Hour, 0, false, true},
	} {
		mono += step.runs
		wall = wall.Add(step.runs + step.set)
		if jumped, prune := h.Observe(wall, mono, 24*time.Hour); jumped != step.jumped || prune != step.prune {
			t.Errorf("%s: jumped %v, prune %v", step.what, jumped, prune)
		}
	}
	if _, prune := (&Hold{}).Observe(wall, 0, 0); !prune {
		t.Error("the first round does not prune")
	}
}
