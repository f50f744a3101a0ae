package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/durintest"
)

type accounts struct{}

func (accounts) Authenticate(_ context.Context, name string, password durin.Secret) (durin.User, error) {
	if name != "ada" || password.Reveal() != "engine" {
		return durin.User{}, durin.ErrBadCredentials
	}
	return durin.User{ID: "1", Name: name}, nil
}

func TestClimate(t *testing.T) {
	g := durintest.New(t, func(o *durin.Options) { o.Authenticator, o.Now = accounts{}, time.Now })
	g.Client(durin.Client{Name: "cli"})
	auth, err := api.New(g.Guard, api.Options{})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/api/auth/", auth)
	mux.Handle("/weather", g.Require(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "rain") })))
	server := httptest.NewServer(mux)
	defer server.Close()
	file := filepath.Join(t.TempDir(), "climate", "token.json")
	// Each line is a run of the program: arguments, what it reads, writes, and says
	// against it.
	for _, c := range []struct{ args, in, out, err string }{
		{"get /weather", "", "", "not signed in"},
		{"login ada", "wrong\n", "", "Unable to log in"},
		{"login ada", "engine\n", "", ""},
		{"get /weather", "", "rain", ""},
		{"get /nothing", "", "", "404"},
		{"logout", "", "", ""},
		{"get /weather", "", "", "not signed in"},
		{"dance", "", "", "usage"},
	} {
		var out bytes.Buffer
		err := run(t.Context(), server.URL, file, strings.Fields(c.args), strings.NewReader(c.in), &out)
		if out.String() != c.out || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: wrote %q, %v; want %q, %q", c.args, out.String(), err, c.out, c.err)
		}
		if info, err := os.Stat(file); err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("the token's file has the mode %v", info.Mode())
		}
	}
}
