package password_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/password"
)

// userStore is as much of a durin.UserStore as logging in needs.
type userStore struct {
	durin.UserStore
	mu      sync.Mutex
	users   map[string]durin.User // by name
	lookups int
	fail    error // of UserByName
	failSet error // of SetPassword
}

func (s *userStore) UserByName(_ context.Context, name string) (durin.User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lookups++
	if s.fail != nil {
		return durin.User{}, s.fail
	}
	u, ok := s.users[name]
	if !ok {
		return durin.User{}, fmt.Errorf("user: %w", durin.ErrNotFound)
	}
	return u, nil
}

func (s *userStore) SetPassword(_ context.Context, id, old, new string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failSet != nil {
		return false, s.failSet
	}
	for name, u := range s.users {
		if u.ID == id && u.Password == old {
			u.Password = new
			s.users[name] = u
			return true, nil
		}
	}
	return false, nil
}

const (
	md5Hash   = "md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3" // of lètmein
	cryptHash = "crypt$$ab1Hv2Lg7ltQo"
	goodPW    = durin.Secret("lètmein")
)

func newUsers(t testing.TB, h *password.Hasher) *userStore {
	t.Helper()
	own, err := h.Hash(t.Context(), goodPW)
	if err != nil {
		t.Fatal(err)
	}
	s := &userStore{users: map[string]durin.User{}}
	for i, u := range []durin.User{
		{Name: "own", Password: own, Active: true},
		{Name: "zoë", Password: md5Hash, Active: true},
		{Name: "inactive", Password: own},
		{Name: "inactive-md5", Password: md5Hash},
		{Name: "unusable", Password: "!abc", Active: true},
		{Name: "crypt", Password: cryptHash, Active: true},
		{Name: "garbage", Password: "lètmein", Active: true},
		{Name: "hostile", Password: "pbkdf2_sha256$1000000000$salt$4FHva3YwE7PWGrvAOTeuXCA7Nwg2NZKMXA3mLszc5YY=", Active: true},
	} {
		u.ID = fmt.Sprint(i + 1)
		s.users[u.Name] = u
	}
	return s
}

// refusals are logins that must not succeed.
var refusals = []struct {
	name string
	pw   durin.Secret
}{
	{"own", "wrong"},
	{"own", ""},
	{"own", durin.Secret(strings.Repeat("x", password.MaxBytes+1))},
	{"Own", goodPW},
	{"zoë", "wrong"},
	{"nobody", goodPW},
	{"", goodPW},
	{"inactive", goodPW},
	{"inactive-md5", goodPW},
	{"inactive", "wrong"},
	{"unusable", goodPW},
	{"unusable", "!abc"},
	{"crypt", "lètmei"},
	{"garbage", goodPW},
	{"hostile", goodPW},
	{"own\x00", goodPW},
	{"own\xff", goodPW},
	{strings.Repeat("n", durin.MaxUserName+1), goodPW},
}

func TestAuthenticate(t *testing.T) {
	h := newHasher(t, password.Options{Params: cheap})
	store := newUsers(t, h)
	var log strings.Builder
	auth := password.NewUsers(store, h, password.UsersOptions{Floor: -1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for _, test := range refusals {
		before := store.users[test.name].Password
		if u, err := auth.Authenticate(t.Context(), test.name, test.pw); !errors.Is(err, durin.ErrBadCredentials) || u != (durin.User{}) {
			t.Errorf("Authenticate(%.20q, %.20q) = %+v, %v", test.name, test.pw.Reveal(), u, err)
		}
		if store.users[test.name].Password != before {
			t.Errorf("Authenticate(%.20q) changed the hash", test.name)
		}
	}
	for range 2 {
		for _, name := range []string{"own", "zoë"} {
			got, err := auth.Authenticate(t.Context(), name, goodPW)
			if want := store.users[name]; err != nil || got != want { // with the hash that is there now
				t.Errorf("Authenticate(%q) = %+v, %v, want %+v", name, got, err, want)
			}
		}
	}
	for _, secret := range []string{"ab1Hv2Lg7ltQo", "4FHva3Yw", "tmein"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log bears %q: %s", secret, log.String())
		}
	}
	if !strings.Contains(log.String(), "kind=crypt") {
		t.Errorf("the log says nothing of crypt: %s", log.String())
	}
}

func TestOddNamesNeverReachTheStore(t *testing.T) {
	h := newHasher(t, password.Options{Params: cheap})
	store := newUsers(t, h)
	auth := password.NewUsers(store, h, password.UsersOptions{Floor: -1})
	for _, name := range []string{"a\x00", "\xff", "\xed\xa0\x80", strings.Repeat("é", durin.MaxUserName+1), strings.Repeat("n", 1<<17)} {
		if _, err := auth.Authenticate(t.Context(), name, goodPW); !errors.Is(err, durin.ErrBadCredentials) {
			t.Errorf("Authenticate(%.20q): %v", name, err)
		}
	}
	if store.lookups != 0 {
		t.Errorf("%d look-ups", store.lookups)
	}
	if _, err := auth.Authenticate(t.Context(), strings.Repeat("é", durin.MaxUserName), goodPW); !errors.Is(err, durin.ErrBadCredentials) || store.lookups != 1 {
		t.Errorf("the longest name: %v, %d look-ups", err, store.lookups)
	}
}

func TestUpgrade(t *testing.T) {
	h, ctx := newHasher(t, password.Options{Params: cheap}), t.Context()
	store := newUsers(t, h)
	var told []error
	auth := password.NewUsers(store, h, password.UsersOptions{Floor: -1, Logger: slog.New(slog.DiscardHandler),
		Upgraded: func(_ context.Context, u durin.User, err error) {
			if u.Name != "zoë" || u.Password != "" {
				t.Errorf("told of %+v", u)
			}
			told = append(told, err)
		}})
	login := func() {
		t.Helper()
		if _, err := auth.Authenticate(ctx, "zoë", goodPW); err != nil {
			t.Fatal(err)
		}
	}
	store.failSet = errors.New("read-only")
	login()
	if len(told) != 1 || !errors.Is(told[0], store.failSet) || store.users["zoë"].Password != md5Hash {
		t.Fatalf("a store that cannot write: %v", told)
	}
	store.failSet = nil
	login()
	fresh := store.users["zoë"].Password
	if len(told) != 2 || told[1] != nil || password.Kind(fresh) != "argon2id" {
		t.Fatalf("told %v, the hash is now %q", told, fresh)
	}
	login()
	if len(told) != 2 || store.users["zoë"].Password != fresh {
		t.Errorf("a good hash was replaced: %v", told)
	}
}

// A password that is changed during the login stays changed.
func TestUpgradeNeverUndoesAChange(t *testing.T) {
	h := newHasher(t, password.Options{Params: cheap})
	store := newUsers(t, h)
	changed := &changing{userStore: store}
	auth := password.NewUsers(changed, h, password.UsersOptions{Floor: -1})
	if _, err := auth.Authenticate(t.Context(), "zoë", goodPW); err != nil {
		t.Fatal(err)
	}
	if got := store.users["zoë"].Password; got != "!changed" {
		t.Errorf("the hash is %q", got)
	}
}

// changing is a store where another hand changes the password right after it
// has been read.
type changing struct{ *userStore }

func (s *changing) UserByName(ctx context.Context, name string) (durin.User, error) {
	u, err := s.userStore.UserByName(ctx, name)
	other := u
	other.Password = "!changed"
	s.users[name] = other
	return u, err
}

func TestStoreFailureIsNoRefusal(t *testing.T) {
	h := newHasher(t, password.Options{Params: cheap})
	store := newUsers(t, h)
	store.fail = errors.New("connection lost")
	auth := password.NewUsers(store, h, password.UsersOptions{Floor: -1})
	if _, err := auth.Authenticate(t.Context(), "own", goodPW); !errors.Is(err, store.fail) || errors.Is(err, durin.ErrBadCredentials) {
		t.Errorf("Authenticate: %v", err)
	}
}

// Every refusal takes the floor, and not a moment more, on a clock on which
// hashing takes no time.
func TestFloor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, password.Options{Params: cheap})
		store := newUsers(t, h)
		auth := password.NewUsers(store, h, password.UsersOptions{Floor: time.Second, Logger: slog.New(slog.DiscardHandler)})
		for _, test := range append(refusals, refusals[0], struct {
			name string
			pw   durin.Secret
		}{"zoë", goodPW}) {
			began := time.Now()
			_, _ = auth.Authenticate(t.Context(), test.name, test.pw)
			if took := time.Since(began); took != time.Second {
				t.Errorf("Authenticate(%.20q) took %v", test.name, took)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := auth.Authenticate(ctx, "nobody", goodPW); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a context that ends: %v", err)
		}
	})
}

// The wait for a worker is no part of the floor: else it would tell, under
// load, how long the work was.
func TestFloorCountsNoWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, password.Options{Params: cheap, Workers: 1})
		store := newUsers(t, h)
		auth := password.NewUsers(store, h, password.UsersOptions{Floor: time.Second})
		for _, name := range []string{"nobody", "own", "zoë"} {
			release := h.Acquire(0)
			began := time.Now()
			var group sync.WaitGroup
			group.Go(func() { _, _ = auth.Authenticate(t.Context(), name, "wrong") })
			time.Sleep(10 * time.Second)
			release()
			group.Wait()
			if took := time.Since(began); took != 11*time.Second {
				t.Errorf("Authenticate(%q) took %v", name, took)
			}
		}
	})
}

// The work is the same for every refusal: that of one hash, seen by its memory.
func TestRefusalsTakeTheSameWork(t *testing.T) {
	const size = 4 << 20
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, password.Options{Params: password.Params{Memory: size >> 10, Time: 1}})
		store := newUsers(t, h)
		auth := password.NewUsers(store, h, password.UsersOptions{Floor: -1, Logger: slog.New(slog.DiscardHandler)})
		for _, test := range refusals {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _ = auth.Authenticate(t.Context(), test.name, test.pw)
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; got < size || got > size+size/2 {
				t.Errorf("Authenticate(%.20q, %.20q) allocated %d bytes, want about %d", test.name, test.pw.Reveal(), got, size)
			}
		}
	})
}

// A full queue is told at once and to everybody, before any work.
func TestBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, password.Options{Params: cheap, Workers: 1, Queue: 2})
		store := newUsers(t, h)
		auth := password.NewUsers(store, h, password.UsersOptions{Floor: -1})
		release := h.Acquire(0)
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() {
				if _, err := auth.Authenticate(t.Context(), "own", goodPW); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if s := h.Stats(); s.Running != 1 || s.Waiting != 2 {
			t.Errorf("stats %+v, want one running, two waiting", s)
		}
		for _, test := range refusals {
			if _, err := auth.Authenticate(t.Context(), test.name, test.pw); !errors.Is(err, durin.ErrBusy) {
				t.Errorf("Authenticate(%.20q): %v", test.name, err)
			}
		}
		if _, err := h.Verify(t.Context(), goodPW, md5Hash); !errors.Is(err, durin.ErrBusy) {
			t.Errorf("Verify: %v", err)
		}
		if _, err := h.Hash(t.Context(), goodPW); !errors.Is(err, durin.ErrBusy) {
			t.Errorf("Hash: %v", err)
		}
		release()
		group.Wait()
		if s := h.Stats(); s.Running != 0 || s.Waiting != 0 || s.Memory != 0 {
			t.Errorf("left over: %+v", s)
		}
	})
}
