package window

import "time"

const (
	// exact is the highest N for which every request is kept by itself.
	exact = 1024
	// parts is how many parts of a period are kept apart above that: one is
	// a little less than 1 % of the period.
	parts = 128
)

// A log is what was accepted for a key: runs of requests in a ring, the oldest
// at head. A run counts as long as its last request does. What every request
// looks at comes first, so that it lies together.
type log[K comparable] struct {
	period int64   // of the latest request's rate
	last   int64   // instant of the latest request that was accepted
	at     []int64 // the last instant of each run; a power of two of them
	head   uint32
	runs   uint32
	total  int      // requests
	counts []uint32 // requests of each run; nil: one each
	hash   uint64   // of key
	key    K
}

func (g *log[K]) index(i uint32) uint32 { return (g.head + i) & uint32(len(g.at)-1) }

func (g *log[K]) count(index uint32) int {
	if g.counts == nil {
		return 1
	}
	return int(g.counts[index])
}

// ask tells whether a request may pass at now, and how the window looks. A nil g
// is an empty window.
func (g *log[K]) ask(now int64, rate Rate, state *State) bool {
	*state = State{}
	total := 0
	if g != nil {
		g.leave(now, int64(rate.Period))
		state.Reset = g.reset(now)
		total = g.total
	}
	if total < rate.N {
		state.Remaining = rate.N - total
		return true
	}
	state.Over = total > max(0, rate.N)
	state.Wait = rate.Period
	if rate.N > 0 {
		state.Wait = g.wait(now, rate.N)
	}
	return false
}

// idle reports whether nothing is in the window under the latest rate.
func (g *log[K]) idle(now int64) bool { return now-g.last >= g.period }

// leave drops what is not in the window of the period that ends now, and
// everything if the log might have been swept before the rate changed.
func (g *log[K]) leave(now, period int64) {
	if g.idle(now) {
		g.runs, g.total = 0, 0
	}
	g.period = period
	for g.runs > 0 && now-g.at[g.head] >= period {
		g.total -= g.count(g.head)
		g.head = g.index(1)
		g.runs--
	}
}

// reset is how long the oldest run stays.
func (g *log[K]) reset(now int64) time.Duration {
	if g.runs == 0 {
		return 0
	}
	return time.Duration(g.period - (now - g.at[g.head]))
}

// wait is how long it takes until fewer than n requests, of those that are at
// least n, are in the window.
func (g *log[K]) wait(now int64, n int) time.Duration {
	leaving := g.total - n + 1
	for i := uint32(0); ; i++ {
		at := g.index(i)
		if leaving -= g.count(at); leaving <= 0 {
			return time.Duration(g.period - (now - g.at[at]))
		}
	}
}

// add counts a request, together with those of its part of the period if
// compact.
func (g *log[K]) add(now int64, compact bool) {
	g.total++
	g.last = now
	if g.runs == 0 && !compact {
		g.counts = nil
	}
	if compact && g.counts == nil {
		g.counts = make([]uint32, len(g.at))
		for i := range g.counts {
			g.counts[i] = 1
		}
	}
	if compact && g.runs > 0 {
		width := max(1, g.period/parts)
		last := g.index(g.runs - 1)
		if part(g.at[last], width) == part(now, width) {
			g.at[last] = now
			g.counts[last]++
			return
		}
	}
	if int(g.runs) == len(g.at) {
		g.grow()
	}
	last := g.index(g.runs)
	g.at[last] = now
	if g.counts != nil {
		g.counts[last] = 1
	}
	g.runs++
}

// part numbers the parts of the time line.
func part(at, width int64) int64 {
	if at < 0 {
		at -= width - 1
	}
	return at / width
}

// grow doubles the ring.
func (g *log[K]) grow() {
	at := make([]int64, max(4, 2*len(g.at)))
	n := copy(at, g.at[g.head:])
	copy(at[n:], g.at[:g.head])
	if g.counts != nil {
		counts := make([]uint32, len(at))
		n := copy(counts, g.counts[g.head:])
		copy(counts[n:], g.counts[:g.head])
		g.counts = counts
	}
	g.at, g.head = at, 0
}
