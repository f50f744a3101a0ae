package password_test

import (
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/password"
)

const (
	inNFC = durin.Secret("l\u00e8tmein")  // as goodPW
	inNFD = durin.Secret("le\u0300tmein") // the same, as other keyboards write it
)

// md5NFD is a hash of the NFD form, as another program made it of what was typed.
const md5NFD = "md5$seasalt$f4a1174b09d9691fcd90e988387fac45"

func TestPasswordsInEveryForm(t *testing.T) {
	h, ctx := newHasher(t, password.Options{Params: cheap}), t.Context()
	for _, set := range []durin.Secret{inNFC, inNFD} {
		encoded, err := h.Hash(ctx, set)
		if err != nil {
			t.Fatal(err)
		}
		for _, typed := range []durin.Secret{inNFC, inNFD} {
			if got, err := h.Verify(ctx, typed, encoded); err != nil || got != (password.Result{OK: true}) {
				t.Errorf("set as %q, typed as %q: %+v, %v", set.Reveal(), typed.Reveal(), got, err)
			}
		}
		// NFKC would take other passwords for the same.
		if got, err := h.Verify(ctx, "\uff4c\u00e8tmein", encoded); err != nil || got.OK {
			t.Errorf("full-width letters: %+v, %v", got, err)
		}
	}
	for encoded, want := range map[string]map[durin.Secret]password.Result{
		md5Hash: {inNFC: {OK: true, Weak: true}, inNFD: {OK: true, Weak: true}},
		md5NFD:  {inNFC: {Weak: true}, inNFD: {OK: true, Weak: true}},
	} {
		for typed, want := range want {
			if got, err := h.Verify(ctx, typed, encoded); err != nil || got != want {
				t.Errorf("%s, typed as %q: %+v, %v, want %+v", encoded, typed.Reveal(), got, err, want)
			}
		}
	}
}

// A login with the form that was hashed elsewhere makes all forms right.
func TestUpgradeOfForm(t *testing.T) {
	h := newHasher(t, password.Options{Params: cheap})
	store := newUsers(t, h)
	store.users["ada"] = durin.User{ID: "99", Name: "ada", Password: md5NFD, Active: true}
	auth := password.NewUsers(store, h, password.UsersOptions{Floor: -1, Logger: slog.New(slog.DiscardHandler)})
	for i, step := range []struct {
		pw   durin.Secret
		good bool
	}{{inNFC, false}, {inNFD, true}, {inNFC, true}, {inNFD, true}} {
		if _, err := auth.Authenticate(t.Context(), "ada", step.pw); (err == nil) != step.good || err != nil && !errors.Is(err, durin.ErrBadCredentials) {
			t.Errorf("step %d: %v", i, err)
		}
	}
	if got := store.users["ada"].Password; !strings.HasPrefix(got, "$argon2id$") {
		t.Errorf("the hash is %s", got)
	}
}

// The work depends on what was typed, and on nothing else: one hash, or two where
// the NFC form differs.
func TestFormsTakeTheSameWork(t *testing.T) {
	const size = 4 << 20
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, password.Options{Params: password.Params{Memory: size >> 10, Time: 1}})
		store := newUsers(t, h)
		auth := password.NewUsers(store, h, password.UsersOptions{Floor: -1, Logger: slog.New(slog.DiscardHandler)})
		for pw, want := range map[durin.Secret]uint64{inNFC: 1, "wrong": 1, "wro\u00f1g": 1, inNFD: 2, "wron\u0303g": 2} {
			for _, name := range []string{"own", "inactive", "unusable", "crypt", "nobody"} {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				_, _ = auth.Authenticate(t.Context(), name, pw)
				runtime.ReadMemStats(&after)
				if got := after.TotalAlloc - before.TotalAlloc; got < want*size || got > want*size+size/2 {
					t.Errorf("%s with %q: %d bytes allocated, want about %d", name, pw.Reveal(), got, want*size)
				}
			}
		}
	})
}

// Only what fits in its form is a password.
func TestOverlongForms(t *testing.T) {
	h, ctx := newHasher(t, password.Options{Params: cheap}), t.Context()
	// U+0958 is three bytes, and six in NFC.
	grows := durin.Secret(strings.Repeat("\u0958", password.MaxBytes/3))
	var field *durin.FieldError
	if _, err := h.Hash(ctx, grows); !errors.As(err, &field) {
		t.Errorf("Hash: %v", err)
	}
	encoded, err := h.Hash(ctx, "x")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := h.Verify(ctx, grows, encoded); err != nil || got.OK {
		t.Errorf("Verify: %+v, %v", got, err)
	}
	if err := password.Check(durin.Secret(strings.Repeat("e\u0300", 7)), ""); err == nil {
		t.Error("Check counts the marks of seven letters")
	}
	if err := password.Check("Le\u0300onie-1900", "l\u00e8onie-1900"); err == nil {
		t.Error("the user's name in another form is a password")
	}
}
