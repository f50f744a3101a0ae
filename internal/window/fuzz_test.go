package window

import (
	"encoding/binary"
	"testing"
	"time"
)

// FuzzTake runs any sequence of requests, rates and jumps of the clock against
// the oracle: the same answers while N is small, never more than N later.
func FuzzTake(f *testing.F) {
	f.Add([]byte{0, 3, 1, 0, 0, 3, 1, 0, 0, 3, 1, 0, 0, 3, 1, 0})
	f.Add([]byte{1, 200, 255, 3, 2, 255, 0, 128, 3, 0, 1, 1, 2, 7, 9, 200})
	f.Fuzz(func(t *testing.T, script []byte) {
		l, o := New(start, Options[byte]{}), new(oracle)
		now := start
		large := false
		var hits []time.Time
		shortest := 24 * time.Hour
		for len(script) >= 4 {
			period := []time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour}[script[0]%4]
			rate := Rate{int(script[1]) - 1, period}
			if script[0]&0x80 != 0 {
				rate.N += exact
			}
			large = large || rate.N > exact
			shortest = min(shortest, period)
			jump := time.Duration(int16(binary.LittleEndian.Uint16(script[2:]))) * period / 10_000
			now = now.Add(jump)
			script = script[4:]

			got, pass := take(l, now, 1, rate)
			want, wantPass := o.take(now, rate)
			if !large {
				if got != want || pass != wantPass {
					t.Fatalf("rate %v: %v %+v, want %v %+v", rate, pass, got, wantPass, want)
				}
				continue
			}
			if got.Wait < 0 || got.Reset < 0 || got.Wait > period || got.Reset > period || got.Remaining < 0 {
				t.Fatalf("rate %v: %+v", rate, got)
			}
			if !pass {
				continue
			}
			inside := 1
			for _, hit := range hits {
				if o.seen.Sub(hit) < shortest {
					inside++
				}
			}
			if inside > rate.N {
				t.Fatalf("rate %v: %d in a window", rate, inside)
			}
			hits = append(hits, o.seen)
		}
	})
}
