package durin

import (
	"sync/atomic"
	"time"
)

// wallEvery is how long the wall clock is followed by the monotonic one before
// it is read again: so much later, while requests come, is it noticed that
// somebody has set the clock.
const wallEvery = int64(100 * time.Millisecond)

// A wallClock tells checks the time for half of what reading both clocks costs.
type wallClock struct {
	begun  time.Time
	read   atomic.Int64 // when the wall clock is read again, in nanoseconds since begun
	offset atomic.Int64 // what to add to such nanoseconds to have those since 1970
}

// instant is the present one: in nanoseconds since the Guard was made, on a clock
// that does not jump, and in Unix microseconds.
func (g *Guard) instant() (mono, wall int64) {
	if !g.systemClock {
		now := g.now()
		return g.mono(now), now.UnixMicro()
	}
	w := &g.wall
	mono = int64(time.Since(w.begun))
	if mono >= w.read.Load() {
		now := time.Now()
		mono = int64(now.Sub(w.begun))
		w.offset.Store(now.UnixNano() - mono)
		w.read.Store(mono + wallEvery)
	}
	return mono, (mono + w.offset.Load()) / int64(time.Microsecond)
}
