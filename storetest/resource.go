package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/durin-go/durin"
)

func resourceTests() []test {
	return []test{
		ofServers("every field is kept", serverFields),
		ofServers("delete", serverDelete),
		ofServers("refused", serverRefused),
	}
}

// ofServers makes a test of one that needs a ResourceServerStore.
func ofServers(name string, run func(t *testing.T, s durin.ResourceServerStore)) test {
	return test{name, func(t *testing.T, s durin.Store) {
		servers, ok := s.(durin.ResourceServerStore)
		if !ok {
			t.Skip("the store keeps no resource servers")
		}
		run(t, servers)
	}}
}

func fullServer(name, secret string) durin.ResourceServer {
	return durin.ResourceServer{Name: name, Digest: digest(secret), Created: start, Expires: after(time.Hour + time.Microsecond)}
}

func serverFields(t *testing.T, s durin.ResourceServerStore) {
	var want []durin.ResourceServer
	for _, name := range []string{"Billing", "billing", "billing", "files.v2"} {
		one := fullServer(name, name+string(rune('a'+len(want))))
		filled(t, one, "ID")
		given := one
		given.Created, given.Expires = rough(one.Created), rough(one.Expires)
		if len(want) == 2 {
			one.Expires, given.Expires = time.Time{}, time.Time{}
		}
		got, err := s.CreateResourceServer(t.Context(), given)
		must(t, err)
		one.ID = got.ID
		same(t, "created", got, one)
		want = append(want, one)
	}
	all, err := s.ResourceServers(t.Context())
	must(t, err)
	same(t, "all, in order", all, want)
	if all[1].ID >= all[2].ID {
		t.Errorf("ids of %v do not go up", all)
	}
}

func serverDelete(t *testing.T, s durin.ResourceServerStore) {
	first, err := s.CreateResourceServer(t.Context(), fullServer("billing", "a"))
	must(t, err)
	second, err := s.CreateResourceServer(t.Context(), fullServer("billing", "b"))
	must(t, err)
	must(t, s.DeleteResourceServer(t.Context(), second.ID))
	refused(t, "delete again", s.DeleteResourceServer(t.Context(), second.ID), durin.ErrNotFound)
	all, err := s.ResourceServers(t.Context())
	must(t, err)
	same(t, "left", all, []durin.ResourceServer{first})
	third, err := s.CreateResourceServer(t.Context(), fullServer("billing", "b"))
	must(t, err)
	if third.ID <= second.ID {
		t.Errorf("the id %d was given although %d was used before", third.ID, second.ID)
	}
}

func serverRefused(t *testing.T, s durin.ResourceServerStore) {
	_, err := s.CreateResourceServer(t.Context(), fullServer("billing", "a"))
	must(t, err)
	_, err = s.CreateResourceServer(t.Context(), fullServer("other", "a"))
	refused(t, "the same secret", err, durin.ErrExists)
	for _, name := range []string{"", "a b", "a:b", "a\x00", "é"} {
		if _, err := s.CreateResourceServer(t.Context(), fullServer(name, "b")); err == nil {
			t.Errorf("a resource server can be called %q", name)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.ResourceServers(ended); err == nil {
		t.Error("an ended context is not looked at")
	}
	all, err := s.ResourceServers(t.Context())
	must(t, err)
	same(t, "how many", len(all), 1)
}
