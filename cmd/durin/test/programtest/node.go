package programtest

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/durin-go/durin/cmd/durin/internal/config"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/spf13/pflag"
)

// Node is what the program's server with args stands on, within this process, on a
// database of its own, and what it logs.
func Node(t testing.TB, args ...string) (*node.Node, *slog.Logger, *bytes.Buffer) {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.Bind(flags, config.Common)
	config.Bind(flags, config.Serving)
	if err := flags.Parse(append([]string{"--db", filepath.Join(t.TempDir(), "durin.db"), "--addr", "127.0.0.1:0"}, args...)); err != nil {
		t.Fatal(err)
	}
	c, _, err := config.Load(config.Sources{Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	var written bytes.Buffer
	log := slog.New(slog.NewTextHandler(&written, nil))
	n, err := node.Open(t.Context(), node.Options{Config: c, Purpose: node.Serve, Keys: true, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close(context.Background()) })
	return n, log, &written
}
