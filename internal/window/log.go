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
// looks at lies together, in two lines of the processor's cache for a key of 48
// bytes; the ring is touched only by what is let through.
type log[K comparable] struct {
	key    K
	period int64   // of the latest request's rate
	last   int64   // instant of the latest request that was accepted
	oldest int64   // at[head], if there are runs
	at     []int64 // the last instant of each run; a power of two of them
	head   uint32
	runs   uint32
	sums   *sums  // nil: each run is one request
	hash   uint64 // of key
}

// sums are the requests of runs that have more than one.
type sums struct {
	counts []uint32 // as long as the ring
	total  int
}

func (g *log[K]) index(i uint32) uint32 { return (g.head + i) & uint32(len(g.at)-1) }

// count is the number of requests of a run.
func (g *log[K]) count(index uint32) int {
	if g.sums == nil {
		return 1
	}
	return int(g.sums.counts[index])
}

// total is the number of requests of all runs.
func (g *log[K]) total() int {
	if g.sums == nil {
		return int(g.runs)
	}
	return g.sums.total
}

// ask tells whether a request may pass at now, and how the window looks. A nil g
// is an empty window.
func (g *log[K]) ask(now int64, rate Rate, state *State) bool {
	*state = State{}
	total := 0
	if g != nil {
		g.leave(now, int64(rate.Period))
		state.Reset = g.reset(now)
		total = g.total()
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
		g.runs, g.sums = 0, nil
	}
	g.period = period
	for g.runs > 0 && now-g.oldest >= period {
		if g.sums != nil {
			g.sums.total -= g.count(g.head)
		}
		g.head = g.index(1)
		g.runs--
		g.oldest = g.at[g.head] // read, whatever it is, when no run is left
	}
}

// reset is how long the oldest run stays.
func (g *log[K]) reset(now int64) time.Duration {
	if g.runs == 0 {
		return 0
	}
	return time.Duration(g.period - (now - g.oldest))
}

// wait is how long it takes until fewer than n requests, of those that are at
// least n, are in the window.
func (g *log[K]) wait(now int64, n int) time.Duration {
	leaving := g.total() - n + 1
	if g.sums == nil && leaving == 1 {
		return g.reset(now)
	}
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
	g.last = now
	if g.runs == 0 && !compact {
		g.sums = nil
	}
	if compact && g.sums == nil {
		g.sum()
	}
	if compact && g.runs > 0 {
		width := max(1, g.period/parts)
		last := g.index(g.runs - 1)
		if part(g.at[last], width) == part(now, width) {
			g.sums.counts[last]++
			g.sums.total++
			g.move(last, now)
			return
		}
	}
	if int(g.runs) == len(g.at) {
		g.grow()
	}
	last := g.index(g.runs)
	if g.sums != nil {
		g.sums.counts[last] = 1
		g.sums.total++
	}
	g.move(last, now)
	g.runs++
}

// move sets the instant of a run.
func (g *log[K]) move(index uint32, now int64) {
	g.at[index] = now
	if index == g.head {
		g.oldest = now
	}
}

// sum begins to count the requests of each run.
func (g *log[K]) sum() {
	g.sums = &sums{counts: make([]uint32, len(g.at)), total: int(g.runs)}
	for i := range g.sums.counts {
		g.sums.counts[i] = 1
	}
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
	if g.sums != nil {
		counts := make([]uint32, len(at))
		n := copy(counts, g.sums.counts[g.head:])
		copy(counts[n:], g.sums.counts[:g.head])
		g.sums.counts = counts
	}
	g.at, g.head = at, 0
}
