// Command bench measures Durin against the least that each piece of work can
// cost on the machine that it runs on, and against what else there is.
//
//	go run ./bench table            every figure, as a table of ratios
//	go run ./bench table F2 F5      some of them
//	go run ./bench peers            caches, limiters and session libraries
//	go run ./bench plots            the drawings in docs/performance
//	go run ./bench guesses          how many guesses at passwords are tried
//	go run ./bench timing           whether answers tell which names exist
//	go run ./bench scale            what work costs at 1,000 tokens, at ten times as many, and so on
//
// Everything stays on the loopback and in a temporary folder, and ends with the
// command.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"

	"github.com/durin-go/durin/password"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A part of a run goes by a name; several may have the same.
type part struct {
	name string
	run  func() error
}

// measureAll runs the parts that are named, or all.
func measureAll(parts []part, names []string) error {
	for _, n := range names {
		if !slices.ContainsFunc(parts, func(p part) bool { return p.name == n }) {
			return fmt.Errorf("there is nothing called %q to measure", n)
		}
	}
	for _, p := range parts {
		if len(names) > 0 && !slices.Contains(names, p.name) {
			continue
		}
		if err := p.run(); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

func run(ctx context.Context, args []string) error {
	name := "table"
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	if name == "serve" {
		return serve(ctx, args)
	}
	if name == awake {
		return keepAwake(os.Stdin)
	}
	if name == hashing {
		return password.Serve(os.Stdin, os.Stdout)
	}
	temporary, err := os.MkdirTemp("", "durin-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(temporary) }()
	s := newSuite(ctx, temporary)
	flags := flag.NewFlagSet("bench "+name, flag.ContinueOnError)
	flags.IntVar(&s.rounds, "rounds", s.rounds, "how often each way takes its turn")
	flags.DurationVar(&s.long, "long", s.long, "how long one turn takes")
	flags.IntVar(&s.tokens, "tokens", s.tokens, "the most tokens of F4, and entries of caches")
	flags.StringVar(&s.dir, "dir", s.dir, "folder for databases, which stay there")
	flags.StringVar(&s.postgres, "postgres", s.postgres, "a server for F3; without an answer it is left out")
	flags.IntVar(&s.tries, "tries", s.tries, "answers of each kind that timing compares")
	folder := flags.String("out", "docs/performance", "folder for drawings")
	if err := flags.Parse(args); err != nil {
		return err
	}
	parts, ok := s.parts()[name]
	if !ok {
		return fmt.Errorf("%q is not one of table, peers, scale, plots, guesses and timing", name)
	}
	if err := measureAll(parts, flags.Args()); err != nil {
		return err
	}
	if name == "plots" {
		return s.plots(*folder)
	}
	if name == "scale" { // it has printed tables of its own
		return nil
	}
	fmt.Print(s.table())
	return nil
}

// parts are those of each kind of run.
func (s *suite) parts() map[string][]part {
	return map[string][]part{
		"table":   {{"F1", s.f1}, {"F2", s.f2}, {"F3", s.f3}, {"F3", s.f3Postgres}, {"F4", s.f4}, {"F5", s.f5}, {"F6", s.f6}, {"F7", s.f7}, {"F9", s.f9}, {"F10", s.f10}},
		"peers":   {{"checks", s.checks}, {"caches", s.caches}, {"limiters", s.limiters}},
		"scale":   {{"PostgreSQL", s.scalePostgres}, {"SQLite", s.scaleSQLite}},
		"guesses": {{"guesses", s.guesses}},
		"timing":  {{"timing", s.timing}},
		"plots":   {{"tokens", s.f4}, {"latency", s.f7}, {"memory", s.f5}, {"memory", s.f9}, {"memory", s.caches}},
	}
}
