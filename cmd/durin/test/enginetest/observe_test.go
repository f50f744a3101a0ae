package enginetest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/durin-go/durin/sqlstore"
)

// TestObserve: each call is told once, with the words of its errors and with how
// it ended; the words hold nothing of what was asked.
func TestObserve(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, d servers.Database) {
		type inside struct{}
		var mu sync.Mutex
		begun, ended := map[string]int{}, map[string]error{}
		s := e.open(t, d.Open(t), sqlstore.Options{Observe: func(ctx context.Context, call string) (context.Context, func(error)) {
			mu.Lock()
			defer mu.Unlock()
			begun[call]++
			return context.WithValue(ctx, inside{}, call), func(err error) {
				mu.Lock()
				defer mu.Unlock()
				ended[call] = err
			}
		}})
		if _, err := s.CreateClient(t.Context(), durin.Client{Name: "secret-name", TTL: time.Hour, Policy: durin.PolicyReuse}); err != nil {
			t.Fatal(err)
		}
		_, missing := s.Lookup(t.Context(), durin.Digest{1})
		if !errors.Is(missing, durin.ErrNotFound) {
			t.Fatal(missing)
		}
		stopped, stop := context.WithCancel(t.Context())
		stop()
		_ = s.Touch(stopped, nil)
		if begun["creating a client"] != 1 || ended["creating a client"] != nil {
			t.Errorf("creating a client: begun %d times, ended with %v", begun["creating a client"], ended["creating a client"])
		}
		if begun["looking up a token"] != 1 || !errors.Is(ended["looking up a token"], durin.ErrNotFound) || !strings.Contains(missing.Error(), "looking up a token") {
			t.Errorf("looking up a token: begun %d times, ended with %v, fails with %v", begun["looking up a token"], ended["looking up a token"], missing)
		}
		for call := range begun {
			if _, there := ended[call]; !there || strings.Contains(call, "secret") {
				t.Errorf("%q began and did not end, or tells what was asked", call)
			}
		}
	})
}
