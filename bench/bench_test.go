package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain lets the servers that a run starts be the test's own program.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		if err := serve(context.Background(), os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// Everything is measured once, in small: that the figures come, not what they are.
// It needs a machine that is not busy, so it is asked for by name.
func TestEveryPartRuns(t *testing.T) {
	if os.Getenv("DURIN_BENCH") == "" {
		t.Skip("measures the machine: DURIN_BENCH=1 go test ./bench")
	}
	s := newSuite(t.Context(), t.TempDir())
	s.rounds, s.long, s.tokens, s.size, s.inUse, s.logins, s.tries = 1, time.Millisecond, 1000, 1000, 100, 4, 3
	s.postgres = "postgres://nobody@127.0.0.1:1/none?sslmode=disable"
	for kind, parts := range s.parts() {
		if kind == "plots" {
			continue // the same parts
		}
		for _, p := range parts {
			if p.name == "F10" {
				continue // builds the program
			}
			if err := p.run(); err != nil {
				t.Errorf("%s: %v", p.name, err)
			}
		}
	}
	out := t.TempDir()
	if err := s.plots(out); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tokens.svg", "latency.svg", "memory.svg"} {
		if text, err := os.ReadFile(filepath.Join(out, name)); err != nil || !strings.Contains(string(text), "</svg>") || strings.Contains(string(text), "NaN") {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
	if table := s.table(); strings.Count(table, "| F") < 15 {
		t.Error(table)
	}
}
