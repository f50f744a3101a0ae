package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/durin-go/durin/bench/internal/svg"
)

// plots writes the drawings of what was measured into the folder.
func (s *suite) plots(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	ticks := map[float64]string{0: "median", 1: "p90", 2: "p99", 3: "p99.9", 4: "all"}
	drawings := map[string]string{
		"tokens.svg": svg.Chart{Title: "Authenticated GETs by the number of tokens in the database", X: "tokens", Y: "requests a second", LogX: true, Lines: s.lines("tokens")}.SVG(),
		"latency.svg": svg.Chart{Title: fmt.Sprintf("Latency of token checks, %d a second", checkRate), X: "part of the checks that took no longer", Y: "milliseconds", LogY: true,
			Ticks: ticks, Lines: ranked(s.lines("latency"))}.SVG(),
		"memory.svg": s.memory().SVG(),
	}
	for name, text := range drawings {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// lines are the curves of a drawing.
func (s *suite) lines(drawing string) []svg.Line {
	var all []svg.Line
	for _, c := range s.curves {
		if c.drawing != drawing {
			continue
		}
		l := svg.Line{Name: c.name}
		for i, x := range c.at {
			low, high := c.found[i].Range()
			l.Points = append(l.Points, svg.Point{X: x, Y: c.found[i].Median(), Low: low, High: high})
		}
		all = append(all, l)
	}
	return all
}

// ranked puts the points of each line one step apart, and leaves out a line that
// comes twice.
func ranked(lines []svg.Line) []svg.Line {
	var all []svg.Line
	for _, l := range lines {
		if l.Points = l.Points[:min(5, len(l.Points))]; len(l.Points) == 5 {
			for i := range l.Points {
				l.Points[i].X = float64(i)
			}
			all = append(all, l)
		}
	}
	return all
}

// memory are the largest numbers of each kind.
func (s *suite) memory() svg.Bars {
	bars := svg.Bars{Title: "Memory per entry: what caches add to a value, and what Durin keeps in all", Unit: "bytes"}
	for _, c := range s.curves {
		if c.drawing != "memory" && c.drawing != "caches" {
			continue
		}
		last := len(c.at) - 1
		own := c.drawing == "memory" || strings.HasPrefix(c.name, "durin")
		bars.Bars = append(bars.Bars, svg.Bar{Name: c.name, Value: c.found[last].Median(), Own: own})
	}
	return bars
}
