package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/internal/tokenrule"
	"github.com/durin-go/durin/nodes"
)

const grace = 30 * time.Second

func rotateTests(repeat int) []test {
	times := func(run func(*testing.T, durin.Store, int)) func(*testing.T, durin.Store) {
		return func(t *testing.T, s durin.Store) {
			create(t, s, rotating())
			for round := range 4 * repeat {
				run(t, s, round)
			}
		}
	}
	return []test{
		{"a new token", rotateOnce},
		{"a token in its grace", rotateAgain},
		{"a chain", rotateChain},
		{"a lost seal", rotateLost},
		{"what is kept of the seal", rotateSeals},
		{"not", rotateNot},
		{"bounds", rotateBounds},
		{"endings", rotateEndings},
		{"concerned", rotateConcerned},
		{"uses", rotateUses},
		{"forgetting", rotateForget},
		{"outbox", rotateOutbox},
		{"parallel renewals", times(raceRotate)},
		{"renewal beside an ending", times(raceRotateEnd)},
		{"renewal beside log-ins", times(raceRotateIssue)},
	}
}

// rotating is a client whose renewals replace the token.
func rotating() durin.Client {
	return durin.Client{Name: "web", TTL: time.Hour, Policy: durin.PolicyEvict, MaxTokens: 9, Rotate: grace, Created: start}
}

// rotation asks for the word next in the place of the word old.
func rotation(old, next string, now time.Time) durin.Rotation {
	return durin.Rotation{Digest: digest(old), Now: now, Successor: digest(next), Seal: []byte("seal of " + next)}
}

func rotate(t *testing.T, s durin.Store, r durin.Rotation) durin.Rotated {
	t.Helper()
	rotated, err := s.Rotate(t.Context(), r)
	must(t, err)
	return rotated
}

// isReplaced checks that old is known as replaced by next, until the end of its
// grace.
func isReplaced(t *testing.T, s durin.Store, old, next string, until time.Time) {
	t.Helper()
	got, err := s.Lookup(t.Context(), digest(old))
	must(t, err)
	if got.Digest != digest(old) || got.ReplacedBy == nil || *got.ReplacedBy != digest(next) || !got.ExpiresAt.Equal(until) {
		t.Errorf("%s: replaced by %v, until %v: want %s, %v", old, got.ReplacedBy, got.ExpiresAt, next, until)
	}
}

func rotateOnce(t *testing.T, s durin.Store) {
	create(t, s, rotating())
	before := issue(t, s, newToken("a")).Session
	rotated := rotate(t, s, rotation("a", "b", rough(after(time.Minute))))
	want := before
	want.Digest, want.ExpiresAt = digest("b"), after(61*time.Minute)
	same(t, "session", rotated.Session, want)
	same(t, "changed", rotated.Changed, []durin.Digest{digest("a")})
	if !rotated.New || rotated.Seal != nil {
		t.Errorf("new %v, seal %q", rotated.New, rotated.Seal)
	}
	got, err := s.Lookup(t.Context(), digest("b"))
	must(t, err)
	same(t, "look-up of the new one", got, withoutDevice(want))
	isReplaced(t, s, "a", "b", after(time.Minute+grace))
	got, err = s.Lookup(t.Context(), digest("a"))
	must(t, err)
	present := digest("b")
	want.Digest, want.ReplacedBy, want.ExpiresAt = digest("a"), &present, after(time.Minute+grace)
	same(t, "look-up of the old one", got, withoutDevice(want))
	isThere(t, s, "b")
	_, err = s.Renew(t.Context(), digest("a"), after(time.Minute))
	refused(t, "a renewal in place of a replaced token", err, durin.ErrNotFound)
}

func rotateAgain(t *testing.T, s durin.Store) {
	create(t, s, rotating())
	issue(t, s, newToken("a"))
	first := rotate(t, s, rotation("a", "b", start))
	second := rotate(t, s, rotation("a", "c", after(grace)))
	same(t, "session", second.Session, first.Session)
	same(t, "seal", second.Seal, []byte("seal of b"))
	if second.New || len(second.Changed) > 0 {
		t.Errorf("the second caller: %+v", second)
	}
	second.Seal[0] = 'X'
	same(t, "seal", rotate(t, s, rotation("a", "c", after(grace))).Seal, []byte("seal of b"))
	_, err := s.Rotate(t.Context(), rotation("a", "c", after(grace+time.Microsecond)))
	refused(t, "after the grace", err, durin.ErrNotFound)
	isThere(t, s, "b")
	_, err = s.Rotate(t.Context(), rotation("none", "c", start))
	refused(t, "none", err, durin.ErrNotFound)
}

func rotateChain(t *testing.T, s durin.Store) {
	create(t, s, rotating())
	id := issue(t, s, newToken("a")).Session.ID
	rotate(t, s, rotation("a", "b", start))
	rotate(t, s, rotation("b", "c", after(time.Second)))
	for _, old := range []string{"a", "b"} {
		got := rotate(t, s, rotation(old, "x", after(2*time.Second)))
		same(t, "seal for "+old, got.Seal, []byte("seal of c"))
		same(t, "digest for "+old, got.Session.Digest, digest("c"))
		same(t, "id", got.Session.ID, id)
	}
	isReplaced(t, s, "a", "c", after(grace))
	isReplaced(t, s, "b", "c", after(time.Second+grace))
	isThere(t, s, "c")
}

func rotateLost(t *testing.T, s durin.Store) {
	create(t, s, rotating())
	issue(t, s, newToken("a"))
	rotate(t, s, rotation("a", "b", start))
	r := rotation("a", "c", after(time.Second))
	r.Lost = digest("b")
	got := rotate(t, s, r)
	if !got.New || got.Session.Digest != digest("c") {
		t.Errorf("%+v", got)
	}
	same(t, "changed", got.Changed, []durin.Digest{digest("b")})
	isReplaced(t, s, "a", "c", after(grace))
	isReplaced(t, s, "b", "c", after(time.Second+grace))
	r = rotation("b", "d", after(2*time.Second))
	r.Lost = digest("b") // told by somebody who is late
	same(t, "seal", rotate(t, s, r).Seal, []byte("seal of c"))
	// A renewal that left no seal.
	r = rotation("c", "e", after(3*time.Second))
	r.Seal = nil
	rotate(t, s, r)
	got = rotate(t, s, rotation("c", "f", after(3*time.Second)))
	if !got.New || got.Session.Digest != digest("f") {
		t.Errorf("%+v", got)
	}
}

// rotateSeals checks who can be shown the new token at a log-in.
func rotateSeals(t *testing.T, s durin.Store) {
	c := rotating()
	create(t, s, c)
	issue(t, s, newToken("none"))
	issue(t, s, newToken("kept", kept))
	c.Name, c.Policy, c.MaxTokens = "reuse", durin.PolicyReuse, 0
	create(t, s, c)
	issue(t, s, newToken("reuse", client("reuse")))
	for _, word := range []string{"none", "kept", "reuse"} {
		rotate(t, s, rotation(word, word+" 2", start))
	}
	seals, err := s.Seals(t.Context(), 0, 9)
	must(t, err)
	var told []durin.Digest
	for _, one := range seals {
		told = append(told, one.Digest)
	}
	sameDigests(t, "seals", told, "kept 2", "reuse 2")
	again := issue(t, s, newToken("new", client("reuse")))
	if !again.Reused || again.Session.Digest != digest("reuse 2") {
		t.Errorf("a login under reuse: %+v", again)
	}
	same(t, "seal", again.Seal, []byte("seal of reuse 2"))
}

func rotateNot(t *testing.T, s durin.Store) {
	create(t, s, web())
	issue(t, s, newToken("a"))
	got := rotate(t, s, rotation("a", "b", after(time.Minute)))
	if got.New || got.Seal != nil || got.Session.Digest != digest("a") || !got.Session.ExpiresAt.Equal(after(61*time.Minute)) {
		t.Errorf("%+v", got)
	}
	isThere(t, s, "a")
	_, err := s.Rotate(t.Context(), rotation("a", "b", after(61*time.Minute+time.Microsecond)))
	refused(t, "expired", err, durin.ErrNotFound)
	// The client as it is now.
	_, err = s.UpdateClient(t.Context(), "web", start, func(c *durin.Client) error { c.Rotate = grace; return nil })
	must(t, err)
	rotate(t, s, rotation("a", "b", after(time.Minute)))
	_, err = s.UpdateClient(t.Context(), "web", start, func(c *durin.Client) error { c.Rotate = 0; return nil })
	must(t, err)
	same(t, "seal", rotate(t, s, rotation("a", "c", after(time.Minute))).Seal, []byte("seal of b"))
	if rotate(t, s, rotation("b", "c", after(time.Minute))).New {
		t.Error("replaced, although the client says so no more")
	}
	r := rotation("a", "c", after(time.Minute))
	r.Lost = digest("b")
	_, err = s.Rotate(t.Context(), r)
	refused(t, "nothing to hand out", err, durin.ErrNotFound)
}

func rotateBounds(t *testing.T, s durin.Store) {
	c := rotating()
	c.MaxLife = 61 * time.Minute
	create(t, s, c)
	issue(t, s, newToken("a"))
	got := rotate(t, s, rotation("a", "b", after(time.Hour)))
	if !got.Session.ExpiresAt.Equal(after(61*time.Minute)) || !got.Session.IssuedAt.Equal(start) {
		t.Errorf("%s: the cap counts from the issue", show(got.Session))
	}
	got = rotate(t, s, rotation("b", "c", after(61*time.Minute-time.Second)))
	isReplaced(t, s, "b", "c", after(61*time.Minute)) // no longer than the session
	_, err := s.Rotate(t.Context(), rotation("b", "d", after(61*time.Minute+time.Microsecond)))
	refused(t, "an expired session", err, durin.ErrNotFound)
	issue(t, s, newToken("0"))
	for i := range tokenrule.MaxReplaced {
		rotate(t, s, rotation(fmt.Sprint(i), fmt.Sprint(i+1), start))
	}
	if got = rotate(t, s, rotation(fmt.Sprint(tokenrule.MaxReplaced), "more", start)); got.New {
		t.Error("more tokens are replaced than are remembered")
	}
	isReplaced(t, s, "0", fmt.Sprint(tokenrule.MaxReplaced), after(grace))
}

func rotateEndings(t *testing.T, s durin.Store) {
	create(t, s, rotating())
	for _, row := range []struct {
		name string
		sel  func(id int64) durin.Selection
		now  time.Time
		want []string
	}{
		{"present", func(int64) durin.Selection { return durin.Selection{Digest: digest("c")} }, after(5 * time.Second), []string{"a", "b", "c"}},
		{"replaced", func(int64) durin.Selection { return durin.Selection{Digest: digest("a")} }, after(5 * time.Second), []string{"a", "b", "c"}},
		{"late", func(int64) durin.Selection { return durin.Selection{Digest: digest("a")} }, after(grace + time.Second), []string{"b", "c"}},
		{"much later", func(int64) durin.Selection { return durin.Selection{Digest: digest("b")} }, after(50 * time.Minute), []string{"c"}},
		{"user", func(int64) durin.Selection { return durin.Selection{UserID: "u1"} }, after(5 * time.Second), []string{"a", "b", "c"}},
		{"client", func(int64) durin.Selection { return durin.Selection{Client: "web"} }, after(5 * time.Second), []string{"a", "b", "c"}},
		{"id", func(id int64) durin.Selection { return durin.Selection{ID: id, UserID: "u1"} }, after(5 * time.Second), []string{"a", "b", "c"}},
		{"replaced, of another user", func(int64) durin.Selection { return durin.Selection{Digest: digest("a"), UserID: "u2"} }, after(5 * time.Second), nil},
		{"replaced, and kept", func(id int64) durin.Selection { return durin.Selection{Digest: digest("a"), Except: id} }, after(5 * time.Second), nil},
	} {
		id := issue(t, s, newToken("a")).Session.ID
		rotate(t, s, rotation("a", "b", start))
		rotate(t, s, rotation("b", "c", after(2*time.Second)))
		ended, err := s.End(t.Context(), row.sel(id), row.now)
		must(t, err)
		sameDigests(t, row.name, ended, row.want...)
		if row.want == nil {
			isThere(t, s, "c")
			_, err = s.End(t.Context(), durin.Selection{UserID: "u1"}, start)
			must(t, err)
		}
		for _, word := range []string{"a", "b", "c"} {
			_, err := s.Lookup(t.Context(), digest(word))
			refused(t, row.name+": "+word, err, durin.ErrNotFound)
			_, err = s.Rotate(t.Context(), rotation(word, "d", after(3*time.Second)))
			refused(t, row.name+": "+word, err, durin.ErrNotFound)
		}
	}
	// The first of two sessions makes room.
	c := rotating()
	c.Name, c.MaxTokens = "one", 1
	create(t, s, c)
	issue(t, s, newToken("a", client("one")))
	rotate(t, s, rotation("a", "b", start))
	sameDigests(t, "made room", issue(t, s, newToken("x", client("one"), at(after(time.Second)))).Ended, "a", "b")
}

func rotateConcerned(t *testing.T, s durin.Store) {
	create(t, s, rotating())
	userID := "u1"
	users, ok := s.(durin.UserStore)
	if ok {
		userID = createUser(t, users, ada()).ID
	}
	begin := func() {
		issue(t, s, newToken("a", user(userID)))
		rotate(t, s, rotation("a", "b", start))
	}
	begin()
	marked, err := s.MarkUser(t.Context(), userID, after(time.Second))
	must(t, err)
	sameDigests(t, "marked", marked, "a", "b")
	marked, err = s.MarkUser(t.Context(), userID, after(time.Minute))
	must(t, err)
	sameDigests(t, "marked later", marked, "b")
	if ok {
		_, changed, err := users.UpdateUser(t.Context(), userID, after(time.Second), func(u *durin.User) error { u.Active = !u.Active; return nil })
		must(t, err)
		sameDigests(t, "changed", changed, "a", "b")
		_, deleted, err := users.DeleteUser(t.Context(), userID, after(time.Second))
		must(t, err)
		sameDigests(t, "deleted", deleted, "a", "b")
		begin()
	}
	if b, ok := s.(durin.Browser); ok {
		ended, err := b.EndSome(t.Context(), browse.Filter{UserID: userID}, 9, after(time.Second))
		must(t, err)
		sameDigests(t, "some", ended, "a", "b")
		begin()
	}
	_, err = s.DeleteClient(t.Context(), "web", start)
	must(t, err)
	for _, word := range []string{"a", "b"} {
		_, err := s.Lookup(t.Context(), digest(word))
		refused(t, word, err, durin.ErrNotFound)
	}
}

// rotateUses checks that what was gathered of a replaced token changes nothing.
func rotateUses(t *testing.T, s durin.Store) {
	create(t, s, rotating())
	issue(t, s, newToken("a"))
	want := rotate(t, s, rotation("a", "b", start)).Session
	must(t, s.Touch(t.Context(), []durin.Use{{Digest: digest("a"), At: after(time.Minute), Extend: after(9 * time.Hour)}}))
	got, err := s.Lookup(t.Context(), digest("b"))
	must(t, err)
	same(t, "session", got, withoutDevice(want))
	isReplaced(t, s, "a", "b", after(grace))
	n, err := s.Prune(t.Context(), after(2*time.Hour), 9)
	must(t, err)
	same(t, "pruned", n, 1)
	_, err = s.Lookup(t.Context(), digest("a"))
	refused(t, "replaced by one that is gone", err, durin.ErrNotFound)
}

func rotateForget(t *testing.T, s durin.Store) {
	create(t, s, rotating())
	issue(t, s, newToken("a", func(n *durin.NewToken) { n.TTL = 3 * time.Hour }))
	rotate(t, s, rotation("a", "b", start))
	must(t, s.ForgetReplaced(t.Context(), after(grace)))
	same(t, "seal", rotate(t, s, rotation("a", "c", after(time.Second))).Seal, []byte("seal of b"))
	must(t, s.ForgetReplaced(t.Context(), after(grace+time.Microsecond)))
	isReplaced(t, s, "a", "b", after(grace))
	if !rotate(t, s, rotation("a", "c", after(time.Second))).New { // as if a clock stood still
		t.Error("the seal is there after the grace")
	}
	must(t, s.ForgetReplaced(t.Context(), after(3*time.Hour)))
	isReplaced(t, s, "a", "c", after(grace))
	must(t, s.ForgetReplaced(t.Context(), after(3*time.Hour+time.Microsecond)))
	for _, word := range []string{"a", "b"} {
		_, err := s.Lookup(t.Context(), digest(word))
		refused(t, "forgotten", err, durin.ErrNotFound)
	}
	isThere(t, s, "c")
}

func rotateOutbox(t *testing.T, s durin.Store) {
	outbox, ok := s.(nodes.Outbox)
	if !ok {
		t.Skip("the store has no outbox")
	}
	create(t, s, rotating())
	issue(t, s, newToken("a"))
	b := &box{Outbox: outbox}
	b.next(t)
	rotate(t, s, rotation("a", "b", start))
	rotate(t, s, rotation("a", "c", start))
	told := b.next(t)
	if len(told) != 1 || told[0].Digest != digest("a") || told[0].Gone {
		t.Errorf("a renewal told %+v", told)
	}
	_, err := s.End(t.Context(), durin.Selection{Digest: digest("a")}, after(time.Second))
	must(t, err)
	var gone []durin.Digest
	for _, e := range b.next(t) {
		if e.Gone {
			gone = append(gone, e.Digest)
		}
	}
	sameDigests(t, "ended", gone, "a", "b")
}

// raceRotate renews one token from everywhere: one of the new tokens is handed
// to all.
func raceRotate(t *testing.T, s durin.Store, round int) {
	word := fmt.Sprint("rotate ", round)
	issue(t, s, newToken(word, user(word)))
	rotated, errs := make([]durin.Rotated, racers), make([]error, racers)
	together(racers, func(i int) {
		rotated[i], errs[i] = s.Rotate(t.Context(), rotation(word, fmt.Sprint(word, " ", i), after(time.Minute)))
	})
	fresh := 0
	for i, one := range rotated {
		must(t, errs[i])
		same(t, "the token of all", one.Session.Digest, rotated[0].Session.Digest)
		if one.New {
			fresh++
		} else if len(one.Seal) == 0 {
			t.Error("a caller cannot be shown the token")
		}
	}
	same(t, "new tokens", fresh, 1)
	there := sessions(t, s, browse.Query{UserID: word})
	if len(there) != 1 || there[0].Digest != rotated[0].Session.Digest {
		t.Errorf("there is %s", show(there))
	}
}

// raceRotateEnd renews a token while its session is ended by the same token, or
// by its user: nothing may be left of it, and everything must be told.
func raceRotateEnd(t *testing.T, s durin.Store, round int) {
	word := fmt.Sprint("end ", round)
	id := issue(t, s, newToken(word, user(word))).Session.ID
	selections := []durin.Selection{{Digest: digest(word)}, {UserID: word}, {ID: id}, {UserID: word, Client: "web"}}
	var mu sync.Mutex
	given, told := map[durin.Digest]bool{digest(word): true}, map[durin.Digest]int{}
	together(racers, func(i int) {
		if i == 0 {
			ended, err := s.End(t.Context(), selections[round%len(selections)], after(time.Second))
			if err != nil {
				t.Errorf("the ending failed: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, d := range ended {
				told[d]++
			}
			return
		}
		presented := word
		for n := range 3 {
			next := fmt.Sprint(word, " ", i, " ", n)
			one, err := s.Rotate(t.Context(), rotation(presented, next, after(time.Second)))
			if err != nil {
				if !errors.Is(err, durin.ErrNotFound) {
					t.Errorf("a renewal failed because of another call: %v", err)
				}
				return
			}
			if one.New {
				mu.Lock()
				given[digest(next)] = true
				mu.Unlock()
				presented = next
			}
		}
	})
	same(t, "sessions", len(sessions(t, s, browse.Query{UserID: word})), 0)
	for d := range given {
		if told[d] != 1 {
			t.Errorf("a token that was handed out was told %d times to be ended", told[d])
		}
		if _, err := s.Lookup(t.Context(), d); !errors.Is(err, durin.ErrNotFound) {
			t.Errorf("a token is there after the acknowledged ending: %v", err)
		}
	}
	same(t, "told", len(told), len(given))
}

// raceRotateIssue renews the oldest session while log-ins make it give way.
func raceRotateIssue(t *testing.T, s durin.Store, round int) {
	c := rotating()
	c.Name, c.MaxTokens = "few", 2
	ensure(t, s, c)
	word := fmt.Sprint("issue ", round)
	issue(t, s, newToken(word, user(word), client("few"), at(after(-time.Minute))))
	together(racers, func(i int) {
		if i%2 == 0 {
			if _, err := s.Issue(t.Context(), newToken(fmt.Sprint(word, " new ", i), user(word), client("few"))); err != nil {
				t.Errorf("a log-in failed because of a renewal: %v", err)
			}
			return
		}
		_, err := s.Rotate(t.Context(), rotation(word, fmt.Sprint(word, " ", i), start))
		if err != nil && !errors.Is(err, durin.ErrNotFound) {
			t.Errorf("a renewal failed because of a log-in: %v", err)
		}
	})
	same(t, "sessions", len(sessions(t, s, browse.Query{UserID: word})), 2)
	if _, err := s.Lookup(t.Context(), digest(word)); !errors.Is(err, durin.ErrNotFound) {
		t.Errorf("the first token is there: %v", err)
	}
}
