package lint

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

const containerfile = "../container/Containerfile"

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// stages reads the Containerfile as BuildKit does; what BuildKit warns of is a fault.
func stages(t *testing.T) []instructions.Stage {
	t.Helper()
	result, err := parser.Parse(strings.NewReader(read(t, containerfile)))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range result.Warnings {
		t.Errorf("%s: %s", containerfile, w.Short)
	}
	lint := linter.New(&linter.Config{Warn: func(rule, _, _, text string, at []parser.Range) {
		t.Errorf("%s:%d: %s: %s", containerfile, at[0].Start.Line, rule, text)
	}})
	all, _, err := instructions.Parse(result.AST, lint)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// of are the instructions of a kind in a stage.
func of[T instructions.Command](s instructions.Stage) []T {
	var all []T
	for _, c := range s.Commands {
		if c, ok := c.(T); ok {
			all = append(all, c)
		}
	}
	return all
}

func TestContainerfile(t *testing.T) {
	all := stages(t)
	if len(all) != 2 {
		t.Fatalf("%d stages, want two", len(all))
	}
	last := all[1]
	if last.BaseName != "scratch" || len(of[*instructions.RunCommand](last)) > 0 {
		t.Errorf("the image is made of %s, and has a shell to run with", last.BaseName)
	}
	if users := of[*instructions.UserCommand](last); len(users) != 1 || users[0].User != "65532:65532" {
		t.Error("the image's user is not 65532, by number: Kubernetes cannot tell of names that they are not root's")
	}
	entry := of[*instructions.EntrypointCommand](last)
	if len(entry) != 1 || entry[0].PrependShell {
		t.Error("the entry point needs a shell")
	}
	health := of[*instructions.HealthCheckCommand](last)
	if len(health) != 1 || !slices.Equal(health[0].Health.Test, []string{"CMD", "/usr/bin/durin", "health"}) {
		t.Error("the check of health needs more than the program")
	}
	for _, c := range of[*instructions.CopyCommand](last) {
		if c.From != "build" {
			t.Errorf("%s copies from elsewhere than the first stage", c)
		}
	}
}

// What the build's context leaves out is nothing that the build needs, and no
// secret that may lie about.
func TestContextLeavesSecretsOut(t *testing.T) {
	left := strings.Fields(read(t, "../../.dockerignore"))
	for _, want := range []string{".git", "**/*.db", "**/*.key"} {
		if !slices.Contains(left, want) {
			t.Errorf(".dockerignore lacks %s", want)
		}
	}
}

// The first stage copies the go.mod of each module that the program's replaces.
func TestModulesAreCopied(t *testing.T) {
	text := read(t, containerfile)
	for line := range strings.Lines(read(t, "../../cmd/durin/go.mod")) {
		_, folder, ok := strings.Cut(strings.TrimSpace(line), " => ../../")
		if ok && !strings.Contains(text, folder+"/go.mod") {
			t.Errorf("%s does not copy %s/go.mod", containerfile, folder)
		}
	}
	if !bytes.Contains([]byte(text), []byte("COPY go.mod go.sum ./")) {
		t.Errorf("%s does not copy the root's go.mod", containerfile)
	}
}
