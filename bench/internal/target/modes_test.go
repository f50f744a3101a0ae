package target

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/durin-go/durin/bench/internal/dataset"
)

// Every mode lets its own callers in and nobody else: else it measures nothing.
func TestModesKnowTheirCallers(t *testing.T) {
	const n = 20
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("in")) })
	tokens := filepath.Join(t.TempDir(), "tokens.db")
	if err := dataset.Generate(t.Context(), tokens, n, "!", nil); err != nil {
		t.Fatal(err)
	}
	for _, mode := range Names {
		path := Place(mode, t.TempDir(), tokens)
		lines, err := Lines(mode, path, n, 10)
		if err != nil {
			t.Fatal(mode, err)
		}
		h, stop, err := Handler(t.Context(), mode, path, next)
		if err != nil {
			t.Fatal(mode, err)
		}
		ask := func(line string) int {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			name, value, _ := strings.Cut(line, ": ")
			r.Header.Set(name, value)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w.Code
		}
		for _, line := range lines {
			if got := ask(line); got != 200 {
				t.Errorf("%s: %d for %q", mode, got, line)
			}
			spoilt := line[:len(line)-5] + "fffff"
			if got := ask(spoilt); got == 200 && mode != Bare {
				t.Errorf("%s: %q is let in", mode, spoilt)
			}
		}
		stop()
	}
}

func TestProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.db")
	if err := dataset.Generate(t.Context(), path, 5, "pbkdf2_sha256$1$salt$NPSMZuGQ3BcCj9ZQz9lEyBqUtuE6Hnb4VXqJUrUcO1I=", nil); err != nil {
		t.Fatal(err)
	}
	h, stop, err := Program(t.Context(), path, 0, nil, Free{}, http.NotFoundHandler())
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/api/auth/login/", strings.NewReader(LoginBody(1, "any")))
	r.Header.Set("Content-Type", "application/json")
	h.ServeHTTP(w, r)
	if w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
}
