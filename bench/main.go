// Command bench measures Durin against the least that each piece of work can
// cost on the machine that it runs on, and against what else there is.
//
//	go run ./bench table            every figure, as a table of ratios
//	go run ./bench table F2 F5      some of them
//	go run ./bench peers            caches, limiters and session libraries
//	go run ./bench plots            the drawings in docs/performance
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
	"time"
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

type curve struct{}

func run(ctx context.Context, args []string) error {
	name := "table"
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	flags := flag.NewFlagSet("bench "+name, flag.ContinueOnError)
	s := &suite{ctx: ctx}
	flags.IntVar(&s.rounds, "rounds", 25, "how often each way takes its turn")
	flags.DurationVar(&s.long, "long", 50*time.Millisecond, "how long one turn takes")
	flags.IntVar(&s.tokens, "tokens", 1_000_000, "the most tokens of F4")
	dir := flags.String("dir", "", "folder for databases, kept; empty: a temporary one")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s.dir = *dir
	if s.dir == "" {
		temporary, err := os.MkdirTemp("", "durin-bench-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(temporary) }()
		s.dir = temporary
	}
	wanted := func(f string) bool { return flags.NArg() == 0 || slices.Contains(flags.Args(), f) }
	if wanted("F2") {
		if err := s.f2(); err != nil {
			return err
		}
	}
	fmt.Print(s.table())
	return nil
}
