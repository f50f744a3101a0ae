package interop

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestGeneratedGo has two generators make clients of the document that a server
// hands out, compiles them, and has them log in, list and end sessions and log
// out there.
func TestGeneratedGo(t *testing.T) {
	for _, c := range []struct {
		name, user string // the program that uses the client
		generate   func(file, dir string) []string
	}{
		{"oapi-codegen", "testdata/oapi", func(file, dir string) []string {
			return []string{"oapi-codegen", "-generate", "types,client", "-package", "main", "-o", filepath.Join(dir, "client.go"), file}
		}},
		{"ogen", "testdata/ogen", func(file, dir string) []string {
			return []string{"ogen", "--package", "main", "--target", dir, file}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, generated := start(t), t.TempDir()
			file, url := description(t, server, t.TempDir())
			run(t, ".", "", nil, "go", append([]string{"tool"}, c.generate(file, generated)...)...)
			run(t, ".", "", nil, "go", "run", "-overlay", overlay(t, c.user, generated), "./"+c.user, url, user, password)
		})
	}
}

// overlay has the go command see generated files beside those of dir.
func overlay(t *testing.T, dir, generated string) string {
	t.Helper()
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(generated)
	if err != nil || len(files) == 0 {
		t.Fatal(len(files), err)
	}
	replace := map[string]string{}
	for _, f := range files {
		replace[filepath.Join(dir, f.Name())] = filepath.Join(generated, f.Name())
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestGeneratedTypeScript does the same with openapi-typescript, strictly typed.
func TestGeneratedTypeScript(t *testing.T) {
	dir, server := javaScript(t), start(t)
	file, url := description(t, server, t.TempDir())
	run(t, dir, "", nil, "npx", "--no-install", "openapi-typescript", file, "-o", "schema.d.ts")
	run(t, dir, "", nil, "npx", "--no-install", "tsc", "-p", ".")
	if err := os.Rename(filepath.Join(dir, "out", "client.js"), filepath.Join(dir, "client.js")); err != nil { // where its packages are
		t.Fatal(err)
	}
	run(t, dir, "", nil, "node", "client.js", url, user, password)
}

// TestSpectral: the linter finds no error in the document.
func TestSpectral(t *testing.T) {
	dir := javaScript(t)
	for _, mount := range []string{"/api/auth", "/"} {
		file, _ := description(t, start(t, "--mount", mount), t.TempDir())
		run(t, dir, "", nil, "npx", "--no-install", "spectral", "lint", "--ruleset", "spectral.json", "--fail-severity", "error", file)
	}
}
