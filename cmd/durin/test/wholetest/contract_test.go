package wholetest_test

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/durin-go/durin/cmd/durin/test/programtest"
	"github.com/durin-go/durin/cmd/durin/test/replay"
)

// reference is where the recordings of django-rest-durin are.
const reference = "testdata/reference"

// program is the program as it is released.
func program(t *testing.T) *replay.Program {
	t.Helper()
	return &replay.Program{Binary: programtest.Build(t, "../../../.."), Dump: filepath.Join(reference, "dump.json"), Dir: t.TempDir()}
}

// episodes are the recordings and what we add to them, or those in the file that
// DURIN_TRANSCRIPTS names.
func episodes(t *testing.T) []replay.Episode {
	t.Helper()
	paths := []string{filepath.Join(reference, "transcripts.jsonl"), "testdata/own.jsonl"}
	if path := os.Getenv("DURIN_TRANSCRIPTS"); path != "" {
		paths = []string{path}
	}
	var all []replay.Episode
	for _, path := range paths {
		some, err := replay.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, some...)
	}
	return all
}

// The program answers whatever a caller of django-rest-durin sends as the wire
// contract wants it.
func TestContract(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a hundred servers")
	}
	p, all := program(t), episodes(t)
	document := describe(t, "/api")
	var steps int
	var good atomic.Int64
	t.Run("episodes", func(t *testing.T) {
		for _, e := range all {
			steps += len(e.Steps)
			t.Run(e.Name, func(t *testing.T) {
				t.Parallel()
				results, err := p.Play(t.Context(), e, t.TempDir)
				for _, r := range results {
					for _, fault := range append(r.Faults, document.check(r)...) {
						t.Errorf("%s: %s %s: %s", r.Step.Name, r.Step.Request.Method, r.Step.Request.Path, fault)
					}
					if len(r.Faults) == 0 {
						good.Add(1)
					}
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
	})
	t.Logf("%d of %d", good.Load(), steps)
	if int(good.Load()) != steps {
		t.Fail()
	}
}
