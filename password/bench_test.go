package password_test

import (
	"testing"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/password"
	"golang.org/x/crypto/argon2"
)

// What a login costs beyond the hash itself is the difference of
// BenchmarkAuthenticate and BenchmarkBareArgon2.
func BenchmarkBareArgon2(b *testing.B) {
	for b.Loop() {
		argon2.IDKey([]byte(goodPW.Reveal()), make([]byte, 16), 2, 19<<10, 1, 32)
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	h := newHasher(b, password.Options{})
	auth := password.NewUsers(newUsers(b, h), h, password.UsersOptions{})
	for _, test := range []struct {
		name string
		pw   durin.Secret
	}{{"own", goodPW}, {"own", "wrong"}, {"nobody", goodPW}} {
		b.Run(test.name+"-"+test.pw.Reveal(), func(b *testing.B) {
			for b.Loop() {
				_, _ = auth.Authenticate(b.Context(), test.name, test.pw)
			}
		})
	}
}

func BenchmarkHash(b *testing.B) {
	h := newHasher(b, password.Options{})
	for b.Loop() {
		if _, err := h.Hash(b.Context(), goodPW); err != nil {
			b.Fatal(err)
		}
	}
}

// The pool's part alone: a hash that costs nothing.
func BenchmarkVerifyOverhead(b *testing.B) {
	h := newHasher(b, password.Options{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Verify(b.Context(), goodPW, md5Hash); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	for b.Loop() {
		_ = password.Check("correct horse battery", "alice")
	}
}
