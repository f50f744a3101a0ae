package storetest

import (
	"testing"
	"time"

	"github.com/durin-go/durin"
)

func ceilingTests() []test {
	return []test{
		{"a life time of its own", ceilingOf},
		{"renewals", ceilingRenewed},
		{"rotations", ceilingRotated},
		{"uses", ceilingUsed},
		{"handed out again", ceilingReused},
	}
}

func short(n *durin.NewToken) { n.TTL = 15 * time.Minute }

// expires checks what a look-up of the token says of its end, and that a list says
// the same.
func expires(t *testing.T, s durin.Store, what, word string, at, ceiling time.Time) {
	t.Helper()
	got, err := s.Lookup(t.Context(), digest(word))
	must(t, err)
	same(t, what+": expiry", got.ExpiresAt, at)
	same(t, what+": ceiling", got.Ceiling, ceiling)
}

func ceilingOf(t *testing.T, s durin.Store) {
	create(t, s, withPolicy(durin.PolicyEvict, 9))
	for word, row := range map[string]struct {
		ttl     time.Duration
		expires time.Time
		ceiling time.Time
	}{
		"none":   {0, after(time.Hour), time.Time{}},
		"short":  {15 * time.Minute, after(15 * time.Minute), after(15 * time.Minute)},
		"longer": {2 * time.Hour, after(2 * time.Hour), after(2 * time.Hour)},
		"never":  {durin.Never, time.Time{}, time.Time{}},
	} {
		issued := issue(t, s, newToken(word, client("evict"), func(n *durin.NewToken) { n.TTL = row.ttl })).Session
		same(t, word, issued.Ceiling, row.ceiling)
		expires(t, s, word, word, row.expires, row.ceiling)
	}
}

func ceilingRenewed(t *testing.T, s durin.Store) {
	create(t, s, web())
	issue(t, s, newToken("a", short))
	for _, now := range []time.Duration{0, time.Minute, 15 * time.Minute} {
		renewed, err := s.Renew(t.Context(), digest("a"), after(now))
		must(t, err)
		same(t, "renewed", renewed.ExpiresAt, after(15*time.Minute))
		expires(t, s, now.String(), "a", after(15*time.Minute), after(15*time.Minute))
	}
	_, err := s.Renew(t.Context(), digest("a"), after(15*time.Minute+time.Microsecond))
	refused(t, "beyond", err, durin.ErrNotFound)
	// A client whose life time has become shorter than what is left acts.
	_, err = s.UpdateClient(t.Context(), "web", start, func(c *durin.Client) error { c.TTL = time.Minute; return nil })
	must(t, err)
	_, err = s.Renew(t.Context(), digest("a"), start)
	must(t, err)
	expires(t, s, "shorter", "a", after(time.Minute), after(15*time.Minute))
}

func ceilingRotated(t *testing.T, s durin.Store) {
	create(t, s, rotating())
	issue(t, s, newToken("a", short, client(rotating().Name)))
	for i, word := range []string{"b", "c"} {
		old := string(rune('a' + i))
		rotated, err := s.Rotate(t.Context(), durin.Rotation{Digest: digest(old), Now: after(time.Duration(i+1) * time.Minute), Successor: digest(word), Seal: []byte("s")})
		must(t, err)
		same(t, "new", rotated.New, true)
		same(t, "expiry", rotated.Session.ExpiresAt, after(15*time.Minute))
		expires(t, s, word, word, after(15*time.Minute), after(15*time.Minute))
	}
	_, err := s.Rotate(t.Context(), durin.Rotation{Digest: digest("c"), Now: after(16 * time.Minute), Successor: digest("d")})
	refused(t, "beyond", err, durin.ErrNotFound)
}

func ceilingUsed(t *testing.T, s durin.Store) {
	create(t, s, web())
	issue(t, s, newToken("a", short))
	must(t, s.Touch(t.Context(), []durin.Use{{Digest: digest("a"), At: after(time.Minute), Extend: after(time.Hour)}}))
	expires(t, s, "used", "a", after(15*time.Minute), after(15*time.Minute))
	got, err := s.Lookup(t.Context(), digest("a"))
	must(t, err)
	same(t, "last use", got.LastUsed, after(time.Minute))
}

func ceilingReused(t *testing.T, s durin.Store) {
	create(t, s, web())
	renew := func(n *durin.NewToken) { n.RenewReused = true }
	issue(t, s, newToken("a", short))
	again := issue(t, s, newToken("b", at(after(time.Minute))))
	if !again.Reused || again.Renewed {
		t.Errorf("without a life time: %+v", again)
	}
	again = issue(t, s, newToken("b", renew, at(after(time.Minute))))
	if !again.Reused || !again.Renewed {
		t.Errorf("with renewal: %+v", again)
	}
	expires(t, s, "renewed", "a", after(15*time.Minute), after(15*time.Minute))
	again = issue(t, s, newToken("b", short, renew, at(after(time.Minute)))) // a later one
	same(t, "reused", again.Reused, true)
	expires(t, s, "not loosened", "a", after(15*time.Minute), after(15*time.Minute))
	again = issue(t, s, newToken("b", func(n *durin.NewToken) { n.TTL = 5 * time.Minute }, at(after(time.Minute))))
	if !again.Reused || !again.Renewed || !again.Session.ExpiresAt.Equal(after(6*time.Minute)) {
		t.Errorf("tightened: %+v", again)
	}
	expires(t, s, "tightened", "a", after(6*time.Minute), after(6*time.Minute))
	same(t, "never", issue(t, s, newToken("b", func(n *durin.NewToken) { n.TTL = durin.Never }, at(after(time.Minute)))).Reused, true)
	expires(t, s, "not loosened by never", "a", after(6*time.Minute), after(6*time.Minute))
	_, err := s.Renew(t.Context(), digest("a"), after(2*time.Minute))
	must(t, err)
	expires(t, s, "renewed once more", "a", after(6*time.Minute), after(6*time.Minute))
	if fresh := issue(t, s, newToken("c", at(after(7*time.Minute)))); fresh.Reused {
		t.Error("a token beyond its ceiling was handed out")
	}
	expires(t, s, "a new one", "c", after(67*time.Minute), time.Time{})
}
