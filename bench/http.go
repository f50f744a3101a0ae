package main

import (
	"fmt"

	"github.com/durin-go/durin/bench/internal/load"
	"github.com/durin-go/durin/bench/internal/measure"
	"github.com/durin-go/durin/bench/internal/target"
)

const (
	conns   = 8
	httpFor = 7 // times a turn of work in process
)

// A contestant is a server, and who asks it.
type contestant struct {
	name     string
	child    *child
	requests [][]byte
	cpu      measure.Series // of the server, in microseconds a request
}

// enter starts a server of the mode on the database with n tokens, of which
// count ask in turn, and lets each of them ask once.
func (s *suite) enter(name, mode string, n, count int) (*contestant, error) {
	path, err := s.database(n)
	if err != nil {
		return nil, err
	}
	path = target.Place(mode, s.dir, path)
	lines, err := target.Lines(mode, path, n, count)
	if err != nil {
		return nil, err
	}
	c := &contestant{name: name}
	for i := range lines { // not in the order of the rows
		c.requests = append(c.requests, load.Get("/", lines[(i*7919)%len(lines)]))
	}
	if c.child, err = startChild(s.ctx, mode, path); err != nil {
		return nil, err
	}
	return c, c.warm(s)
}

// warm asks with each token twice.
func (c *contestant) warm(s *suite) error {
	for range 2 {
		r, err := load.Run(s.ctx, load.Plan{Addr: c.child.addr, Requests: c.requests, Conns: conns})
		if err != nil {
			return err
		}
		if len(r.Latencies) != r.Good() {
			return fmt.Errorf("%s: answers %v", c.name, r.Status)
		}
	}
	return nil
}

// turn asks for as long as one turn takes, and returns requests a second.
func (c *contestant) turn(s *suite) measure.Case {
	warm := false
	return measure.Case{Name: c.name, Round: func() (float64, error) {
		before, _ := cpuOf(c.child.cmd.Process.Pid)
		r, err := load.Run(s.ctx, load.Plan{Addr: c.child.addr, Requests: c.requests, Conns: conns, For: httpFor * s.long})
		if err != nil {
			return 0, err
		}
		if len(r.Latencies) != r.Good() || r.Good() == 0 {
			return 0, fmt.Errorf("answers %v", r.Status)
		}
		if after, err := cpuOf(c.child.cmd.Process.Pid); err == nil && warm {
			c.cpu = append(c.cpu, float64((after-before).Microseconds())/float64(r.Good()))
		}
		warm = true
		return r.PerSecond(), nil
	}}
}

// race lets contestants take turns; the result is their requests a second.
func (s *suite) race(all []*contestant) ([]measure.Series, error) {
	var cases []measure.Case
	for _, c := range all {
		cases = append(cases, c.turn(s))
	}
	return measure.Interleave(s.rounds, cases...)
}

func stopAll(all []*contestant) {
	for _, c := range all {
		if c != nil && c.child != nil {
			c.child.stop()
		}
	}
}

// f1 compares an authenticated GET with the handler alone.
func (s *suite) f1() error {
	for _, count := range []int{s.inUse / 10, s.inUse} {
		if err := s.f1With(count); err != nil {
			return err
		}
	}
	return nil
}

func (s *suite) f1With(count int) error {
	var all []*contestant
	defer func() { stopAll(all) }()
	for _, mode := range []string{target.Bare, target.Durin} {
		c, err := s.enter(mode, mode, s.size, count)
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	rates, err := s.race(all)
	if err != nil {
		return err
	}
	s.ratio("F1", "GETs a second / the handler bare, "+thousands(count)+" tokens in turn", rates[1], rates[0], "a second", 0.90, true)
	if len(all[0].cpu) > 0 {
		s.ratio("F1", "the same in processor time of the server", all[1].cpu, all[0].cpu, "us a request", 0, false)
	}
	return nil
}

// f4 compares authenticated GETs at different numbers of tokens in the database.
// Warm ones come from a thousand tokens spread over all; uncached ones from many.
func (s *suite) f4() error {
	var sizes []int
	for n := 1000; n <= s.tokens; n *= 10 {
		sizes = append(sizes, n)
	}
	for _, mode := range []string{target.Durin, target.Uncached} {
		if err := s.f4Mode(mode, sizes); err != nil {
			return err
		}
	}
	return nil
}

func (s *suite) f4Mode(mode string, sizes []int) error {
	var all []*contestant
	defer func() { stopAll(all) }()
	for _, n := range sizes {
		count := s.inUse / 10
		if mode == target.Uncached {
			count = min(n, 5*s.inUse)
		}
		c, err := s.enter(fmt.Sprintf("%s, %d tokens", mode, n), mode, n, count)
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	rates, err := s.race(all)
	if err != nil {
		return err
	}
	for i, n := range sizes {
		s.curve("tokens", mode, float64(n), rates[i])
		if i == 0 {
			continue
		}
		limit, what := 0.95, "warm"
		if mode == target.Uncached {
			limit, what = 0.5, "not cached"
		}
		s.ratio("F4", fmt.Sprintf("GETs a second at %s tokens / at 1,000, %s", thousands(n), what), rates[i], rates[0], "a second", limit, true)
		if i == len(sizes)-1 && len(all[0].cpu) > 0 {
			s.ratio("F4", "the same in processor time of the server", all[i].cpu, all[0].cpu, "us a request", 0, false)
		}
	}
	return nil
}

func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
