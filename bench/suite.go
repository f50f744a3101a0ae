package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/bench/internal/dataset"
	"github.com/durin-go/durin/bench/internal/measure"
	"github.com/durin-go/durin/password"
)

// A suite is one run: where its files are, and what it has found.
type suite struct {
	ctx    context.Context
	dir    string
	rounds int
	// long is how long one round of one way takes.
	long time.Duration
	// tokens is the number up to which F4 goes.
	tokens int
	// size is the number of tokens elsewhere, inUse of those that take turns,
	// logins how many log in at a time.
	size, inUse, logins int
	tries               int    // of each way to be refused, for timing
	postgres            string // the URL of a server
	rows                []row
	curves              []curve
	hash                string
}

// A row is one line of the table.
type row struct {
	Figure, What, Value, Aim string
	Met                      string // "yes", "no" or nothing
	Note                     string
}

func (s *suite) add(r row) {
	s.rows = append(s.rows, r)
	fmt.Fprintf(os.Stderr, "%-4s %-62s %-24s %-12s %s\n", r.Figure, r.What, r.Value, r.Aim, r.Met)
}

// A curve is a line of a drawing: points by their place, with what was found.
type curve struct {
	drawing, name string
	at            []float64
	found         []measure.Series
}

// curve adds a point to a line.
func (s *suite) curve(drawing, name string, at float64, found measure.Series) {
	for i := range s.curves {
		if c := &s.curves[i]; c.drawing == drawing && c.name == name {
			c.at, c.found = append(c.at, at), append(c.found, found)
			return
		}
	}
	s.curves = append(s.curves, curve{drawing, name, []float64{at}, []measure.Series{found}})
}

// ratio adds a row of a over b that is to be at most (or, with atLeast, at least)
// limit; zero: there is no aim.
func (s *suite) ratio(figure, what string, a, b measure.Series, unit string, limit float64, atLeast bool) measure.Series {
	r := a.Over(b)
	line := row{Figure: figure, What: what, Value: r.String(), Note: fmt.Sprintf("%s / %s %s", measure.Short(a.Median()), measure.Short(b.Median()), unit)}
	if limit > 0 {
		line.Aim, line.Met = fmt.Sprintf("<= %s", measure.Short(limit)), yes(r.Median() <= limit)
		if atLeast {
			line.Aim, line.Met = fmt.Sprintf(">= %s", measure.Short(limit)), yes(r.Median() >= limit)
		}
	}
	s.add(line)
	return r
}

func (s *suite) value(figure, what string, v measure.Series, unit string, limit float64) {
	line := row{Figure: figure, What: what, Value: v.String() + " " + unit}
	if limit > 0 {
		line.Aim, line.Met = fmt.Sprintf("<= %s %s", measure.Short(limit), unit), yes(v.Median() <= limit)
	}
	s.add(line)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// database is the path of a file with n tokens that are only read, made when it
// is asked for first.
func (s *suite) database(n int) (string, error) { return s.fileOf(fmt.Sprintf("%d.db", n), n) }

func (s *suite) fileOf(name string, n int) (string, error) {
	path := filepath.Join(s.dir, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	hash, err := s.userHash()
	if err != nil {
		return "", err
	}
	began := time.Now()
	err = dataset.Generate(s.ctx, path, n, hash, func(done int) {
		if done%1_000_000 == 0 {
			fmt.Fprintf(os.Stderr, "  %d tokens written after %s\n", done, time.Since(began).Round(time.Second))
		}
	})
	return path, err
}

const userPassword = "correct horse battery staple"

// userHash is the hash of every user's password, with the default cost.
func (s *suite) userHash() (string, error) {
	if s.hash != "" {
		return s.hash, nil
	}
	h, err := password.New(password.Options{})
	if err == nil {
		s.hash, err = h.Hash(s.ctx, userPassword)
	}
	return s.hash, err
}

// newSuite has the sizes that the documentation tells of.
func newSuite(ctx context.Context, dir string) *suite {
	return &suite{ctx: ctx, dir: dir, rounds: 25, long: 50 * time.Millisecond, tokens: 1_000_000, size: 100_000, inUse: 10_000, logins: 1000, tries: 2000,
		postgres: "postgres://postgres:postgres@127.0.0.1:5432/postgres?sslmode=disable"}
}

// some are the texts of count of n tokens, spread over all of them.
func some(n, count int) []durin.Secret {
	all := make([]durin.Secret, count)
	for i := range all {
		all[i] = dataset.Token(int(int64(i) * int64(n) / int64(count)))
	}
	return all
}

// table writes the rows for people.
func (s *suite) table() string {
	widths := [5]int{6, 7, 6, 3, 3}
	lines := [][5]string{{"figure", "measure", "result", "aim", "met"}}
	for _, r := range s.rows {
		result := r.Value
		if r.Note != "" {
			result += "  [" + r.Note + "]"
		}
		lines = append(lines, [5]string{r.Figure, r.What, result, r.Aim, r.Met})
	}
	for _, l := range lines {
		for i, c := range l {
			widths[i] = max(widths[i], len(c))
		}
	}
	var b strings.Builder
	for n, l := range lines {
		for i, c := range l {
			fmt.Fprintf(&b, "| %-*s ", widths[i], c)
		}
		b.WriteString("|\n")
		if n == 0 {
			for _, w := range widths {
				b.WriteString("|" + strings.Repeat("-", w+2))
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}
