package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
)

// racers is how many goroutines call a store at once.
const racers = 8

func raceTests(repeat int) []test {
	times := func(run func(*testing.T, durin.Store, int)) func(*testing.T, durin.Store) {
		return func(t *testing.T, s durin.Store) {
			for round := range 3 * repeat {
				run(t, s, round)
			}
		}
	}
	users := func(run func(*testing.T, durin.Store, durin.UserStore, int)) func(*testing.T, durin.Store, durin.UserStore) {
		return func(t *testing.T, s durin.Store, users durin.UserStore) {
			times(func(t *testing.T, s durin.Store, round int) { run(t, s, users, round) })(t, s)
		}
	}
	return []test{
		{"first log-ins", times(raceFirst)},
		{"log-ins when full", times(raceFull)},
		{"single", times(raceSingle)},
		{"updates of a client", times(raceUpdates)},
		{"log-ins while the client goes", times(raceDeleteClient)},
		ofUsers("log-ins while the user goes", users(raceDeleteUser)),
		ofUsers("log-ins while the user is deactivated", users(raceDeactivate)),
		ofUsers("new users of one name", users(raceNames)),
		{"prune and renew", times(racePrune)},
		{"usage", times(raceUsage)},
		{"endings are exact", func(t *testing.T, s durin.Store) { raceEndings(t, s, repeat) }},
	}
}

// together runs f in n goroutines that begin at once.
func together(n int, f func(i int)) {
	var group sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-begin
			f(i)
		})
	}
	close(begin)
	group.Wait()
}

// ensure makes the client unless it is there.
func ensure(t *testing.T, s durin.Store, c durin.Client) {
	t.Helper()
	if _, err := s.CreateClient(t.Context(), c); err != nil && !errors.Is(err, durin.ErrExists) {
		t.Fatal(err)
	}
}

// logIns issues racers tokens at once and returns what came of each.
func logIns(ctx context.Context, s durin.Store, word string, change ...func(*durin.NewToken)) ([]durin.IssuedToken, []error) {
	issued, errs := make([]durin.IssuedToken, racers), make([]error, racers)
	together(racers, func(i int) {
		issued[i], errs[i] = s.Issue(ctx, newToken(fmt.Sprint(word, " ", i), change...))
	})
	return issued, errs
}

// settle checks what is left after tokens were issued: what was made and not
// ended, which must be live in number. It returns how many calls were refused
// with the error refusal; there may be no other.
func settle(t *testing.T, s durin.Store, q browse.Query, issued []durin.IssuedToken, errs []error, refusal error, live int) int {
	t.Helper()
	left, failures := map[durin.Digest]bool{}, 0
	for i, err := range errs {
		switch {
		case err != nil && refusal != nil && errors.Is(err, refusal):
			failures++
		case err != nil:
			t.Errorf("%+v: a call failed because of another: %v", q, err)
		case !issued[i].Reused:
			left[issued[i].Session.Digest] = true
		}
	}
	for _, one := range issued {
		for _, d := range one.Ended {
			if !left[d] {
				t.Errorf("%+v: a token was ended that was not there, or was before", q)
			}
			delete(left, d)
		}
	}
	there := sessions(t, s, q)
	for _, one := range there {
		if !left[one.Digest] {
			t.Errorf("%+v: %s is there, although it is told to be ended", q, show(one))
		}
	}
	if len(there) != live || len(left) != live {
		t.Errorf("%+v: %d tokens are there, %d were not told to be ended, want %d", q, len(there), len(left), live)
	}
	return failures
}

func raceFirst(t *testing.T, s durin.Store, round int) {
	for _, c := range []durin.Client{
		withPolicy(durin.PolicyReuse, 0), withPolicy(durin.PolicyReplace, 0), withPolicy(durin.PolicyEvict, 3), withPolicy(durin.PolicyReject, 3),
	} {
		ensure(t, s, c)
		id := fmt.Sprint("first ", round)
		issued, errs := logIns(t.Context(), s, c.Name+id, client(c.Name), user(id))
		q := browse.Query{UserID: id, Client: c.Name}
		refusals := settle(t, s, q, issued, errs, durin.ErrTooManyTokens, max(1, c.MaxTokens))
		switch {
		case c.Policy == durin.PolicyReject:
			same(t, "refusals", refusals, racers-c.MaxTokens)
		case refusals > 0:
			t.Errorf("%s refused %d", c.Name, refusals)
		}
		if c.Policy != durin.PolicyReuse {
			continue
		}
		fresh := 0
		for _, one := range issued {
			same(t, "token of every log-in", one.Session.Digest, issued[0].Session.Digest)
			if !one.Reused {
				fresh++
			}
		}
		same(t, "new tokens", fresh, 1)
	}
}

// raceFull lets log-ins race for a user who has as many tokens as may be.
func raceFull(t *testing.T, s durin.Store, round int) {
	for _, c := range []durin.Client{withPolicy(durin.PolicyEvict, 2), withPolicy(durin.PolicyReject, 2)} {
		ensure(t, s, c)
		id := fmt.Sprint("full ", round)
		var before []durin.IssuedToken
		for i := range 2 {
			before = append(before, issue(t, s, newToken(fmt.Sprint(c.Name, id, "before", i), client(c.Name), user(id), at(after(-time.Minute)))))
		}
		issued, errs := logIns(t.Context(), s, c.Name+id, client(c.Name), user(id))
		errs = append(errs, nil, nil)
		refusals := settle(t, s, browse.Query{UserID: id, Client: c.Name}, append(issued, before...), errs, durin.ErrTooManyTokens, 2)
		if want := map[durin.Policy]int{durin.PolicyReject: racers}[c.Policy]; refusals != want {
			t.Errorf("%s refused %d, want %d", c.Name, refusals, want)
		}
	}
}

func raceSingle(t *testing.T, s durin.Store, round int) {
	c := withPolicy(durin.PolicyEvict, 5)
	ensure(t, s, c)
	id := fmt.Sprint("single ", round)
	issued, errs := logIns(t.Context(), s, id, client(c.Name), user(id), func(n *durin.NewToken) { n.Single = true })
	refusals := settle(t, s, browse.Query{UserID: id}, issued, errs, durin.ErrKeyExists, 1)
	same(t, "refusals", refusals, racers-1)
}

// raceUpdates adds to a number: none of the changes may be lost.
func raceUpdates(t *testing.T, s durin.Store, round int) {
	c := withPolicy(durin.PolicyEvict, 1)
	c.Name += fmt.Sprint(round)
	create(t, s, c)
	together(racers, func(int) {
		for range 5 {
			_, err := s.UpdateClient(t.Context(), c.Name, start, func(c *durin.Client) error { c.MaxTokens++; return nil })
			if err != nil {
				t.Errorf("an update failed because of another: %v", err)
			}
		}
	})
	got, err := s.ClientByName(t.Context(), c.Name)
	must(t, err)
	same(t, "sum", got.MaxTokens, 1+5*racers)
}

// storm issues tokens in racers goroutines, and calls stop when some are done.
// It returns all digests that were issued, and those that made room.
func storm(t *testing.T, s durin.Store, word string, refusal error, stop func(), change ...func(*durin.NewToken)) (issued, ended []durin.Digest) {
	var mu sync.Mutex
	some := make(chan struct{}, racers)
	together(racers+1, func(i int) {
		if i == racers {
			<-some
			<-some
			stop()
			return
		}
		for n := range 6 {
			one, err := s.Issue(t.Context(), newToken(fmt.Sprint(word, " ", i, " ", n), change...))
			select {
			case some <- struct{}{}:
			default:
			}
			if err != nil && !errors.Is(err, refusal) {
				t.Errorf("a log-in failed with %v", err)
			}
			if err != nil {
				continue
			}
			mu.Lock()
			if !one.Reused {
				issued = append(issued, one.Session.Digest)
			}
			ended = append(ended, one.Ended...)
			mu.Unlock()
		}
	})
	return issued, ended
}

func raceDeleteClient(t *testing.T, s durin.Store, round int) {
	c := withPolicy(durin.PolicyEvict, 1000)
	create(t, s, c)
	issued, _ := storm(t, s, fmt.Sprint("client ", round), durin.ErrUnknownClient, func() {
		if _, err := s.DeleteClient(t.Context(), c.Name, start); err != nil {
			t.Errorf("the deletion failed: %v", err)
		}
	}, client(c.Name))
	for _, d := range issued {
		if _, err := s.Lookup(t.Context(), d); !errors.Is(err, durin.ErrNotFound) {
			t.Errorf("a token of a client that is gone: %v", err)
		}
	}
	// One of the same name inherits nothing.
	create(t, s, c)
	same(t, "tokens", len(sessions(t, s, browse.Query{})), 0)
	_, err := s.DeleteClient(t.Context(), c.Name, start)
	must(t, err)
}

func raceDeleteUser(t *testing.T, s durin.Store, users durin.UserStore, round int) {
	c := withPolicy(durin.PolicyEvict, 3)
	ensure(t, s, c)
	u := createUser(t, users, ada())
	var deleted []durin.Digest
	issued, ended := storm(t, s, fmt.Sprint("user ", round), durin.ErrInactive, func() {
		var err error
		if _, deleted, err = users.DeleteUser(t.Context(), u.ID, start); err != nil {
			t.Errorf("the deletion failed: %v", err)
		}
	}, client(c.Name), user(u.ID), owned, func(n *durin.NewToken) { n.Password = true })
	if told, want := sorted(append(ended, deleted...)), sorted(issued); fmt.Sprint(told) != fmt.Sprint(want) {
		t.Errorf("%d were issued, and %d told to be ended: not the same", len(want), len(told))
	}
	same(t, "tokens", len(sessions(t, s, browse.Query{})), 0)
}

// raceDeactivate checks that the tokens which an inactive user has are told as
// concerned: none was issued between the look at them and the change.
func raceDeactivate(t *testing.T, s durin.Store, users durin.UserStore, round int) {
	c := withPolicy(durin.PolicyEvict, 3)
	ensure(t, s, c)
	u := ada()
	u.Name = fmt.Sprint("deactivated ", round)
	u = createUser(t, users, u)
	concerned := map[durin.Digest]bool{}
	storm(t, s, u.Name, durin.ErrInactive, func() {
		_, digests, err := users.UpdateUser(t.Context(), u.ID, start, func(u *durin.User) error { u.Active = false; return nil })
		if err != nil {
			t.Errorf("the update failed: %v", err)
		}
		for _, d := range digests {
			concerned[d] = true
		}
	}, client(c.Name), user(u.ID), owned)
	there := sessions(t, s, browse.Query{UserID: u.ID})
	for _, one := range there {
		if !one.Inactive || !concerned[one.Digest] {
			t.Errorf("inactive %v, concerned %v: %s", one.Inactive, concerned[one.Digest], show(one))
		}
	}
	same(t, "tokens", len(there), len(concerned))
}

func raceNames(t *testing.T, _ durin.Store, users durin.UserStore, round int) {
	errs := make([]error, racers)
	one := ada()
	one.Name += fmt.Sprint(round)
	together(racers, func(i int) { _, errs[i] = users.CreateUser(t.Context(), one) })
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else if !errors.Is(err, durin.ErrExists) {
			t.Errorf("a call failed because of another: %v", err)
		}
	}
	same(t, "users", made, 1)
	ids := make([]string, racers)
	together(racers, func(i int) {
		u := ada()
		u.Name = fmt.Sprint("one of many ", round, " ", i)
		u, errs[i] = users.CreateUser(t.Context(), u)
		ids[i] = u.ID
	})
	seen := map[string]bool{}
	for i, id := range ids {
		must(t, errs[i])
		if seen[id] {
			t.Errorf("the id %s was given twice", id)
		}
		seen[id] = true
	}
}

// racePrune renews a token in the last instant that it lives, while it is
// deleted as one that has expired.
func racePrune(t *testing.T, s durin.Store, round int) {
	c := withPolicy(durin.PolicyEvict, 99)
	ensure(t, s, c)
	word := fmt.Sprint("prune ", round)
	issue(t, s, newToken(word, client(c.Name)))
	var pruned int
	var pruneErr, renewErr error
	together(2, func(i int) {
		if i == 0 {
			pruned, pruneErr = s.Prune(t.Context(), after(time.Hour+time.Microsecond), 9)
		} else {
			_, renewErr = s.Renew(t.Context(), digest(word), after(time.Hour))
		}
	})
	must(t, pruneErr)
	_, err := s.Lookup(t.Context(), digest(word))
	switch {
	case renewErr == nil && (pruned != 0 || err != nil):
		t.Errorf("renewed, and yet %d deleted: %v", pruned, err)
	case renewErr != nil && (!errors.Is(renewErr, durin.ErrNotFound) || pruned != 1 || !errors.Is(err, durin.ErrNotFound)):
		t.Errorf("%d deleted, the renewal says %v, and the look-up %v", pruned, renewErr, err)
	}
}

// raceUsage counts from everywhere for one row and several, in any order.
func raceUsage(t *testing.T, s durin.Store, round int) {
	c := web()
	c.Name += fmt.Sprint(round)
	c = create(t, s, c)
	day := start.Truncate(24*time.Hour).AddDate(0, 0, round)
	together(racers, func(i int) {
		for n := range 5 {
			usage := []browse.Usage{
				{Day: day, UserID: "u1", ClientID: c.ID, Requests: 2, Throttled: 1},
				{Day: day, UserID: "u2", ClientID: c.ID, Requests: 1},
			}
			if (i+n)%2 == 0 {
				usage[0], usage[1] = usage[1], usage[0]
			}
			if err := s.AddUsage(t.Context(), browse.Batch{}, usage); err != nil {
				t.Errorf("a call failed because of another: %v", err)
			}
		}
	})
	got, err := s.Usage(t.Context(), day, "", 0, 9)
	must(t, err)
	const calls = 5 * racers
	same(t, "sums", got, []browse.Usage{
		{Day: day, UserID: "u1", ClientID: c.ID, Requests: 2 * calls, Throttled: calls},
		{Day: day, UserID: "u2", ClientID: c.ID, Requests: calls},
	})
}
