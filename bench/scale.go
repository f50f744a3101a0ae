package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/durin-go/durin/bench/internal/measure"
)

// The scale runs ask what each piece of work costs at a thousand tokens and at
// ten times as many, again and again, on databases that take turns.

const (
	scaleChecks = 100 // in a turn
	scaleWrites = 20  // of each kind in a turn
	scaleInUse  = 500 // tokens in the cache
	scaleBatch  = 64  // checks of the cache that are timed together
	scaleShown  = 50  // rows of a page
	scaleCount  = 10_000
)

// scale measures databases of a thousand tokens and more, each opened by open.
func (s *suite) scale(engine string, open func(n int) (*scaled, error)) error {
	var all []*scaled
	defer func() {
		for _, d := range all {
			d.stop()
		}
	}()
	for n := 1000; n <= s.tokens; n *= 10 {
		began := time.Now()
		d, err := open(n)
		if d != nil {
			all = append(all, d)
		}
		if err == nil {
			err = d.guards(s.ctx)
		}
		if err != nil {
			return fmt.Errorf("%s tokens: %w", thousands(n), err)
		}
		fmt.Fprintf(os.Stderr, "  %s: %s tokens after %s\n", engine, thousands(n), time.Since(began).Round(time.Second))
	}
	for round := range s.rounds + 1 {
		for _, d := range all {
			if err := d.round(s.ctx); err != nil {
				return err
			}
			d.settle(round > 0)
		}
	}
	for _, d := range all {
		if err := d.prune(s.ctx); err != nil {
			return fmt.Errorf("pruning among %s tokens: %w", thousands(d.n), err)
		}
	}
	fmt.Print(scaleTable(engine, all))
	return nil
}

// scaleTable writes what was found for people.
func scaleTable(engine string, all []*scaled) string {
	if len(all) == 0 {
		return ""
	}
	first, last := all[0], all[len(all)-1]
	t := &grid{}
	head := []string{engine + ": median / p99, us"}
	for _, d := range all {
		head = append(head, thousands(d.n))
	}
	t.add(append(head, "last / first")...)
	for i, w := range first.took {
		line := []string{w.name}
		for _, d := range all {
			line = append(line, measure.Short(quantile(d.took[i].all, 0.5))+" / "+measure.Short(quantile(d.took[i].all, 0.99)))
		}
		t.add(append(line, last.took[i].medians.Over(w.medians).String())...)
	}
	for _, line := range pruneLines(all) {
		t.add(line...)
	}
	text := t.String() + "\n"
	t = &grid{}
	t.add("size in bytes a token, at "+thousands(last.n), "all", "a token")
	total := int64(0)
	for _, r := range last.sizes {
		total += r.size
		t.add(r.name, thousands(int(r.size)), measure.Short(float64(r.size)/float64(last.n)))
	}
	t.add("together", thousands(int(total)), measure.Short(float64(total)/float64(last.n)))
	return text + t.String() + "\n"
}

// A grid is a table of Markdown.
type grid struct{ lines [][]string }

func (t *grid) add(cells ...string) { t.lines = append(t.lines, cells) }

func (t *grid) String() string {
	var widths []int
	for _, l := range t.lines {
		for i, c := range l {
			if i == len(widths) {
				widths = append(widths, 3)
			}
			widths[i] = max(widths[i], len(c))
		}
	}
	var b strings.Builder
	for n, l := range t.lines {
		for i, c := range l {
			fmt.Fprintf(&b, "| %-*s ", widths[i], c)
		}
		b.WriteString("|\n")
		for i := 0; n == 0 && i < len(widths); i++ {
			b.WriteString("|" + strings.Repeat("-", widths[i]+2))
		}
		if n == 0 {
			b.WriteString("|\n")
		}
	}
	return b.String()
}
