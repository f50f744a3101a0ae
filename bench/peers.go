package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"time"

	"github.com/durin-go/durin/bench/internal/dataset"
	"github.com/durin-go/durin/bench/internal/measure"
	"github.com/durin-go/durin/bench/internal/peers"
	"github.com/durin-go/durin/bench/internal/target"
)

// checks compares what else a handler can be put behind.
func (s *suite) checks() error {
	n := s.size
	path, err := s.database(n)
	if err != nil {
		return err
	}
	var cases []measure.Case
	var failed error
	for _, mode := range target.Names {
		file := target.Place(mode, s.dir, path)
		lines, err := target.Lines(mode, file, n, s.inUse/10)
		if err != nil {
			return err
		}
		h, stop, err := target.Handler(s.ctx, mode, file, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		if err != nil {
			return err
		}
		defer stop()
		requests := make([]*http.Request, len(lines))
		for i, line := range lines {
			requests[i] = httptest.NewRequest(http.MethodGet, "/", nil)
			name, value, _ := strings.Cut(line, ": ")
			requests[i].Header.Set(name, value)
		}
		cases = append(cases, measure.Each(mode, 1, s.long, func(i uint64) {
			w := &silent{h: http.Header{}}
			r := *requests[measure.Scatter(i, len(requests))] // a new one: some keep what they found with a request
			h.ServeHTTP(w, &r)
			if w.status > 299 {
				failed = fmt.Errorf("%s: %d", mode, w.status)
			}
		}))
	}
	all, err := measure.Interleave(s.rounds, cases...)
	if err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	for i, mode := range target.Names[1:] {
		ns := make(measure.Series, len(all[0]))
		for j := range ns {
			ns[j] = max(0, all[i+1][j]-all[0][j])
		}
		s.value("in process", mode+": "+about[mode], ns, "ns a request", 0)
	}
	return s.overHTTP(n)
}

// about says what each mode can and cannot do.
var about = map[string]string{
	target.Durin:    "ended tokens are refused at once",
	target.Uncached: "the same without the cache",
	target.SCS:      "a query for each request",
	target.Gorilla:  "a signed cookie, cannot be revoked",
	target.JWT:      "a signed token, cannot be revoked",
	target.Pocket:   "a signed token, then a query; ends with all others of its user",
}

// overHTTP is the same race with servers of their own.
func (s *suite) overHTTP(n int) error {
	var all []*contestant
	defer func() { stopAll(all) }()
	for _, mode := range target.Names {
		c, err := s.enter(mode, mode, n, s.inUse/10)
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	rates, err := s.race(all)
	if err != nil {
		return err
	}
	for i, mode := range target.Names[1:] {
		s.ratio("over HTTP", mode+" / the handler bare", rates[i+1], rates[0], "requests a second", 0, false)
	}
	return nil
}

// silent is a ResponseWriter that keeps the status only.
type silent struct {
	h      http.Header
	status int
}

func (s *silent) Header() http.Header         { return s.h }
func (s *silent) Write(p []byte) (int, error) { return len(p), nil }
func (s *silent) WriteHeader(status int)      { s.status = status }

// caches compares the hit of a cache, and what an entry takes beside its value.
func (s *suite) caches() error {
	for _, n := range []int{s.inUse, s.tokens} {
		keys := make([]peers.Digest, n)
		for i := range keys {
			keys[i] = peers.Digest(dataset.Token(i).Digest())
		}
		if err := s.cachesOf(keys); err != nil {
			return err
		}
	}
	return nil
}

func (s *suite) cachesOf(keys []peers.Digest) error {
	n := len(keys)
	var cases []measure.Case
	var names []string
	memory, kept := map[string]float64{}, map[string]int{}
	for _, m := range peers.Caches() {
		before := measure.Heap()
		c := m.Make(n)
		for _, k := range keys {
			c.Put(k, new(peers.Record))
		}
		time.Sleep(100 * time.Millisecond) // some write in the background
		for i := range keys {
			if _, ok := c.Get(&keys[i]); ok {
				kept[m.Name]++
			}
		}
		memory[m.Name] = float64(measure.Heap()-before)/float64(max(1, kept[m.Name])) - 256
		names = append(names, m.Name)
		cases = append(cases, measure.Each(m.Name, 2, s.long, func(i uint64) { c.Get(&keys[measure.Scatter(i, n)]) }))
		defer runtime.KeepAlive(c)
	}
	all, err := measure.Interleave(s.rounds, cases...)
	if err != nil {
		return err
	}
	for i, name := range names {
		s.value("cache", name+", "+thousands(n)+" entries: a hit", all[i], "ns", 0)
		s.add(row{Figure: "cache", What: "the same: an entry beside its value; kept of what was put", Value: fmt.Sprintf("%.0f bytes; %.1f %%", memory[name], 100*float64(kept[name])/float64(n))})
		s.curve("caches", name, float64(n), measure.Series{memory[name]})
	}
	return nil
}

// limiters compares the throttles, and tells which hold their promise.
func (s *suite) limiters() error {
	keys := s.inUse
	names := make([]string, keys)
	for i := range names {
		names[i] = dataset.UserName(i)
	}
	var cases []measure.Case
	for _, m := range peers.Limiters() {
		l, err := m.Make(100, time.Minute, 2*keys)
		if err != nil {
			return err
		}
		cases = append(cases, measure.Each(m.Name, 2, s.long, func(i uint64) { l(names[measure.Scatter(i, keys)]) }))
	}
	all, err := measure.Interleave(s.rounds, cases...)
	if err != nil {
		return err
	}
	for i, m := range peers.Limiters() {
		s.value("limiter", m.Name+": one request", all[i], "ns", 0)
		most, err := peers.MostInWindow(m, 10, max(50*time.Millisecond, 8*s.long))
		if err != nil {
			return err
		}
		s.add(row{Figure: "limiter", What: "the same: the most that pass in a window, of 10", Value: fmt.Sprint(most), Aim: "10", Met: yes(most <= 10)})
	}
	return nil
}
