// Package clock tells the time on the path of a check, and notices a system clock
// that was set.
package clock

import (
	"sync/atomic"
	"time"
)

// rereadEvery is how long the wall clock is derived from the monotonic one before
// it is read again. While requests come, a system clock that was set is noticed
// within that time.
const rereadEvery = int64(100 * time.Millisecond)

// A Clock tells the time as wall-clock time and as time since it was made. It is
// safe for concurrent use.
type Clock struct {
	now    func() time.Time
	begun  time.Time
	system bool

	read   atomic.Int64 // when the wall clock is read again, in nanoseconds since begun
	offset atomic.Int64 // added to nanoseconds since begun gives nanoseconds since 1970
}

// New returns a Clock that reads now. Nil: the system clock.
func New(now func() time.Time) *Clock {
	c := &Clock{now: now, system: now == nil}
	if c.system {
		c.now = time.Now
	}
	c.begun = c.now()
	return c
}

// Now is the present instant.
func (c *Clock) Now() time.Time { return c.now() }

// System reports whether the Clock reads the system clock.
func (c *Clock) System() bool { return c.system }

// Begun is when the Clock was made.
func (c *Clock) Begun() time.Time { return c.begun }

// At is t in nanoseconds since the Clock was made, monotonic where t is.
func (c *Clock) At(t time.Time) int64 { return int64(t.Sub(c.begun)) }

// Mono is the present instant in nanoseconds since the Clock was made. A system
// clock that is set does not change it.
func (c *Clock) Mono() int64 { return c.At(c.now()) }

// Instant is the present instant, as Mono tells it and in Unix microseconds, for
// half of what reading both clocks costs.
func (c *Clock) Instant() (mono, wall int64) {
	if !c.system {
		now := c.now()
		return c.At(now), now.UnixMicro()
	}
	mono = int64(time.Since(c.begun))
	if mono >= c.read.Load() {
		now := time.Now()
		mono = c.At(now)
		c.offset.Store(now.UnixNano() - mono)
		c.read.Store(mono + rereadEvery)
	}
	return mono, (mono + c.offset.Load()) / int64(time.Microsecond)
}
