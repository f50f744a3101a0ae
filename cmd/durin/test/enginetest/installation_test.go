package enginetest

import (
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/durin-go/durin/sqlstore"
)

// TestInstallation: all who ask get one name, however many ask first at once; it
// stays; another database has another; and a copy can be given one of its own.
func TestInstallation(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, d servers.Database) {
		first, second := e.open(t, d.Open(t), sqlstore.Options{}), e.open(t, d.Open(t), sqlstore.Options{})
		if name, err := first.FindInstallation(t.Context()); name != "" || err != nil {
			t.Fatalf("before anybody asks: %q %v", name, err)
		}
		var mu sync.Mutex
		names := map[string]int{}
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				s := first
				if i%2 == 1 {
					s = second
				}
				name, err := s.Installation(t.Context(), time.Now())
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				names[name]++
			})
		}
		all.Wait()
		if len(names) != 1 {
			t.Fatalf("%v", names)
		}
		name, err := second.FindInstallation(t.Context())
		if err != nil || names[name] != 16 || !regexp.MustCompile(`^[a-z0-9]{16}$`).MatchString(name) {
			t.Fatalf("%q of %v, %v", name, names, err)
		}
		other, err := e.open(t, e.new(t).Open(t), sqlstore.Options{}).Installation(t.Context(), time.Now())
		if err != nil || other == name {
			t.Errorf("another database is %q, too, %v", other, err)
		}
		if err := first.ForgetInstallation(t.Context()); err != nil {
			t.Fatal(err)
		}
		if fresh, err := second.Installation(t.Context(), time.Now()); err != nil || fresh == name || fresh == "" {
			t.Errorf("after it was forgotten: %q, %v", fresh, err)
		}
	})
}
