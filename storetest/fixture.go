package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
)

// start is an instant in the form that stores keep; every fixture counts from
// it.
var start = time.Date(2026, 2, 3, 4, 5, 6, 789_123_000, time.UTC)

// after is an instant d behind start.
func after(d time.Duration) time.Time { return start.Add(d) }

// rough is an instant that a store must cut and turn to UTC; it keeps fine.
func rough(fine time.Time) time.Time {
	return fine.Add(999 * time.Nanosecond).In(time.FixedZone("elsewhere", -5*3600))
}

// web is a client that lets everybody in for an hour.
func web() durin.Client {
	return durin.Client{Name: "web", TTL: time.Hour, Policy: durin.PolicyReuse, Created: start}
}

// withPolicy is a client of that policy, by its name.
func withPolicy(p durin.Policy, most int) durin.Client {
	return durin.Client{Name: string(p), TTL: time.Hour, Policy: p, MaxTokens: most, Created: start}
}

// fullClient is a client that has every field but the ID set.
func fullClient(name string) durin.Client {
	return durin.Client{
		Name: name, TTL: 90*time.Minute + 7*time.Microsecond, Rate: durin.Rate{N: 17, Period: time.Minute},
		Policy: durin.PolicyEvict, MaxTokens: 3, Sliding: 5*time.Minute + 3*time.Microsecond,
		MaxLife: 48*time.Hour + time.Microsecond, Rotate: 30*time.Second + time.Microsecond, NoPassword: true, Cookie: true,
		Description: "Für Ada — 'quoted', \"too\"\nand 🦉", Created: start,
	}
}

// fullUser is a user that has every field but the ID set.
func fullUser(name string) durin.User {
	return durin.User{Name: name, Password: "$argon2id$v=19$x$" + name, Active: true, Admin: true,
		Created: start, LastLogin: after(time.Minute + time.Microsecond)}
}

func fullDevice() durin.Device {
	return durin.Device{Name: "Ada's läptop 🦉", Address: "2001:db8::17", Agent: "Mozilla/5.0 (X11)"}
}

// digest is that of a token which is known by a word.
func digest(word string) durin.Digest { return durin.Secret(word).Digest() }

// newToken asks for a token that is known by a word, of the user u1 and the
// client web.
func newToken(word string, change ...func(*durin.NewToken)) durin.NewToken {
	t := durin.NewToken{UserID: "u1", Client: "web", Digest: digest(word), Seal: []byte("seal of " + word), Device: fullDevice(), Now: start}
	for _, f := range change {
		f(&t)
	}
	return t
}

func at(now time.Time) func(*durin.NewToken)   { return func(t *durin.NewToken) { t.Now = now } }
func user(id string) func(*durin.NewToken)     { return func(t *durin.NewToken) { t.UserID = id } }
func client(name string) func(*durin.NewToken) { return func(t *durin.NewToken) { t.Client = name } }
func owned(t *durin.NewToken)                  { t.Owned = true }
func kept(t *durin.NewToken)                   { t.KeepSeal = true }
func bare(t *durin.NewToken)                   { t.Seal = nil }

// must ends the test at an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused checks that err is want, wrapped: with more words than its own.
func refused(t *testing.T, what string, err, want error) {
	t.Helper()
	switch {
	case !errors.Is(err, want):
		t.Errorf("%s: the error is %v, want %v", what, err, want)
	case err == want:
		t.Errorf("%s: %v is not wrapped: a log could not tell what it is about", what, err)
	}
}

func create(t *testing.T, s durin.Store, c durin.Client) durin.Client {
	t.Helper()
	c, err := s.CreateClient(t.Context(), c)
	must(t, err)
	return c
}

func issue(t *testing.T, s durin.Store, n durin.NewToken) durin.IssuedToken {
	t.Helper()
	issued, err := s.Issue(t.Context(), n)
	must(t, err)
	return issued
}

func sessions(t *testing.T, s durin.Store, q browse.Query) []durin.Session {
	t.Helper()
	some, err := s.Sessions(t.Context(), q)
	must(t, err)
	return some
}

// isThere checks that exactly the tokens known by words are there.
func isThere(t *testing.T, s durin.Store, words ...string) {
	t.Helper()
	sameDigests(t, "tokens that are there", digestsOf(sessions(t, s, browse.Query{})), words...)
}

func digestsOf(some []durin.Session) []durin.Digest {
	var all []durin.Digest
	for _, one := range some {
		all = append(all, one.Digest)
	}
	return all
}

// sameDigests compares without regard to order, but counts doubles.
func sameDigests(t *testing.T, what string, got []durin.Digest, words ...string) {
	t.Helper()
	var want []durin.Digest
	names := map[durin.Digest]string{}
	for _, word := range words {
		want = append(want, digest(word))
		names[digest(word)] = word
	}
	if !slices.Equal(sorted(got), sorted(want)) {
		var told []string
		for _, d := range got {
			name, ok := names[d]
			if !ok {
				name = "other " + d.String()[:8]
			}
			told = append(told, name)
		}
		t.Errorf("%s: %v, want %v", what, told, words)
	}
}

func sorted(digests []durin.Digest) []string {
	var all []string
	for _, d := range digests {
		all = append(all, d.String())
	}
	slices.Sort(all)
	return all
}

// same compares whole values. A slice of nothing may be nil.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if g := reflect.ValueOf(got); g.Kind() == reflect.Slice && g.Len() == 0 && reflect.ValueOf(want).Len() == 0 {
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", what, show(got), show(want))
	}
}

// show writes a value with what its pointers point to.
func show(v any) string {
	switch v := v.(type) {
	case []durin.Session:
		var all []string
		for _, s := range v {
			all = append(all, show(s))
		}
		return "[" + strings.Join(all, "\n     ") + "]"
	case durin.Session:
		return fmt.Sprintf("%d %.8s of %q (%q, inactive %v), %s, %s, created %v, issued %v, expires %v (at most %v), used %v",
			v.ID, v.Digest, v.UserID, v.UserName, v.Inactive, show(v.Client), show(v.Device), v.Created, v.IssuedAt, v.ExpiresAt, v.Ceiling, v.LastUsed)
	case *durin.Client:
		if v != nil {
			return fmt.Sprintf("%+v", *v)
		}
	case *durin.Device:
		if v != nil {
			return fmt.Sprintf("%+v", *v)
		}
	}
	return fmt.Sprintf("%+v", v)
}

// filled checks that a fixture leaves no field out, but those named.
func filled(t *testing.T, fixture any, but ...string) {
	t.Helper()
	v := reflect.ValueOf(fixture)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() && !slices.Contains(but, name) {
			t.Errorf("the fixture of %v does not set %s", v.Type(), name)
		}
	}
}

// withoutDevice is s as the methods return it that may leave the device out.
func withoutDevice(s durin.Session) durin.Session {
	s.Device = nil
	return s
}
