package password_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/password"
)

// cheap are the least parameters: tests of behaviour need no strength.
var cheap = password.Params{Memory: 8, Time: 1, Threads: 1}

func newHasher(t testing.TB, o password.Options) *password.Hasher {
	t.Helper()
	h, err := password.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHashAndVerify(t *testing.T) {
	h, ctx := newHasher(t, password.Options{Params: cheap}), t.Context()
	seen := map[string]bool{}
	for _, pw := range []durin.Secret{"", " ", "lètmein", "\x00\xff", durin.Secret(strings.Repeat("€", 1365))} {
		for range 2 {
			encoded, err := h.Hash(ctx, pw)
			if err != nil || seen[encoded] || !strings.HasPrefix(encoded, "$argon2id$v=19$m=8,t=1,p=1$") || len(encoded) > 128 {
				t.Fatalf("Hash = %q, %v", encoded, err)
			}
			seen[encoded] = true
			if got, err := h.Verify(ctx, pw, encoded); err != nil || got != (password.Result{OK: true}) {
				t.Errorf("Verify of the right password = %+v, %v", got, err)
			}
			if got, err := h.Verify(ctx, pw+"x", encoded); err != nil || got.OK {
				t.Errorf("Verify of a wrong password = %+v, %v", got, err)
			}
		}
	}
}

func TestDefaults(t *testing.T) {
	h := newHasher(t, password.Options{})
	encoded, err := h.Hash(t.Context(), "secret")
	if err != nil || !strings.HasPrefix(encoded, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("Hash = %q, %v", encoded, err)
	}
	if got, err := h.Verify(t.Context(), "secret", encoded); err != nil || got != (password.Result{OK: true}) {
		t.Errorf("Verify = %+v, %v", got, err)
	}
}

func TestOverlongPasswordsAreWrong(t *testing.T) {
	h, ctx := newHasher(t, password.Options{Params: cheap}), t.Context()
	long := durin.Secret(strings.Repeat("x", password.MaxBytes+1))
	var field *durin.FieldError
	if _, err := h.Hash(ctx, long); !errors.As(err, &field) || field.Field != "password" {
		t.Errorf("Hash of an overlong password: %v", err)
	}
	for _, encoded := range []string{"$2b$04$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG", "md5$$88a434c88cca4e900f7874cd98123f43", "!"} {
		if got, err := h.Verify(ctx, long, encoded); err != nil || got.OK {
			t.Errorf("Verify of an overlong password = %+v, %v", got, err)
		}
	}
}

// All users of a real database of Django 3.2. Where time is short, one of each
// kind stands for the others.
func TestVerifyUsersOfDjango(t *testing.T) {
	var users []struct{ Name, Kind, Password, Encoded string }
	readJSON(t, "testdata/django32.json", &users)
	if len(users) != 42 {
		t.Fatalf("%d users", len(users))
	}
	h, ctx := newHasher(t, password.Options{}), t.Context()
	seen := map[string]bool{}
	for _, u := range users {
		if (raceEnabled || testing.Short()) && seen[u.Kind] {
			continue
		}
		seen[u.Kind] = true
		if got := password.Kind(u.Encoded); got != u.Kind {
			t.Errorf("%s: kind %s, want %s", u.Name, got, u.Kind)
		}
		want := password.Result{OK: true, Weak: true}
		if u.Kind == "unusable" {
			want = password.Result{}
		}
		if got, err := h.Verify(ctx, durin.Secret(u.Password), u.Encoded); err != nil || got != want {
			t.Errorf("%s (%s): %+v, %v, want %+v", u.Name, u.Kind, got, err, want)
		}
		if raceEnabled {
			continue
		}
		if got, err := h.Verify(ctx, durin.Secret(u.Password+"x"), u.Encoded); err != nil || got.OK {
			t.Errorf("%s (%s): a wrong password: %+v, %v", u.Name, u.Kind, got, err)
		}
	}
	if len(seen) != 8 {
		t.Errorf("kinds seen: %v", seen)
	}
}

// Vectors from Django's documentation of its own tests, and made by Python's
// hashlib and libcrypt.
func TestVerifyVectors(t *testing.T) {
	euros := strings.Repeat("€", 40)
	h, ctx := newHasher(t, password.Options{}), t.Context()
	for _, test := range []struct{ kind, pw, encoded string }{
		{"argon2id", "secret", "argon2$argon2id$v=19$m=102400,t=2,p=8$Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw"},
		{"argon2i", "secret", "argon2$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q"},
		{"scrypt", "lètmein", "scrypt$16384$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw=="},
		{"scrypt", "lètmein", "scrypt$16$seasalt$8$5$MNagTUULbE3qWBc16teWuFMMKJ7rbwPWx9H5NpJO2+i52+SwrIyLVZPFd3fT/YR6qTKaYLhMqyA9+pkPX+3Qcw=="},
		{"scrypt", "lètmein", "$scrypt$ln=4,r=8,p=1$c2Vhc2FsdC1zZWFzYWx0IQ$mo5YOeeGc+RURR2WhMq4fCdZeDjpRyLjt0agevSlbmA"},
		{"pbkdf2_sha256", "lètmein", "pbkdf2_sha256$10$seasalt$VbSPqS8BdRSyZf3o3EFw4JIgQ7e+0T7vCqysXj34iII="},
		{"pbkdf2_wrapped_md5", "lètmein", "pbkdf2_wrapped_md5$10$seasalt$R3hM+oIneup6Ui43HHJNHjVXGUGPQ+c4Q7cuaOQjobI="},
		{"pbkdf2_wrapped_sha1", "lètmein", "pbkdf2_wrapped_sha1$10$seasalt$fsmohksDjCcEBlSuIPN/KKqSFIUChIs9oMPh+4EWnRY="},
		{"pbkdf2_wrapped_sha1", "lètmein", "pbkdf2_wrapped_sha1$600$$/5qNwykluflS6zRAA0wN35P8BHn3+sjarUXFuuoQDYI="},
		{"pbkdf2_sha1", "lètmein", "pbkdf2_sha1$10$seasalt$wp1Is8HMt3fH32HSJWQKKwD0mBE="},
		{"bcrypt", "lètmein", "$2b$04$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG"},
		{"bcrypt", "lètmein", "$2y$04$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG"},
		{"bcrypt", "lètmein", "bcrypt$$2a$04$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG"},
		{"bcrypt", euros, "bcrypt$$2b$04$abcdefghijklmnopqrstuuLMnfsIcwrd9XOzJ8Re069XuK/iLtljS"},
		{"bcrypt", euros[:72], "bcrypt$$2b$04$abcdefghijklmnopqrstuuLMnfsIcwrd9XOzJ8Re069XuK/iLtljS"},
		{"bcrypt_sha256", euros, "bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuuTpTyZ2oIWNtxN/Eunwjv1RAEZJdfbt6"},
		{"md5", "lètmein", "md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3"},
		{"md5", "lètmein", "md5$sé$5abf06f1b517a07867a1136f0895d89b"},
		{"unsalted_md5", "lètmein", "88a434c88cca4e900f7874cd98123f43"},
		{"unsalted_md5", "lètmein", "md5$$88a434c88cca4e900f7874cd98123f43"},
		{"sha1", "lètmein", "sha1$seasalt$cff36ea83f5706ce9aa7454e63e431fc726b2dc8"},
		{"unsalted_sha1", "lètmein", "sha1$$6d138ca3ae545631b3abd71a4f076ce759c5700b"},
	} {
		if got := password.Kind(test.encoded); got != test.kind {
			t.Errorf("Kind(%q) = %s, want %s", test.encoded, got, test.kind)
		}
		if got, err := h.Verify(ctx, durin.Secret(test.pw), test.encoded); err != nil || got != (password.Result{OK: true, Weak: true}) {
			t.Errorf("Verify(%q, %q) = %+v, %v", test.pw, test.encoded, got, err)
		}
		if got, err := h.Verify(ctx, durin.Secret("x"+test.pw), test.encoded); err != nil || got.OK {
			t.Errorf("Verify of a wrong password, %q = %+v, %v", test.encoded, got, err)
		}
	}
}

// What asks for too much is refused before any work: were it computed, the test
// would not come to its end.
func TestHostileHashesAreRefused(t *testing.T) {
	h, ctx := newHasher(t, password.Options{Params: cheap, Memory: 32 << 20}), t.Context()
	const argonTail = "$b3VyIG93biBzYWx0ISEh$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for _, encoded := range []string{
		"$argon2id$v=19$m=4194304,t=1,p=1" + argonTail,
		"$argon2id$v=19$m=8,t=1000000000,p=1" + argonTail,
		"$argon2id$v=19$m=102400,t=1,p=1" + argonTail, // above Options.Memory
		"$argon2id$v=19$m=-1,t=1,p=1" + argonTail,
		"$argon2d$v=19$m=8,t=1,p=1" + argonTail,
		"argon2$argon2i$m=8,t=1,p=1" + argonTail,
		"$2b$31$rs.qzYOGTmVvIAFRubHptOCQm4WWXdbNNSLTCX1KqaRBrOdv1w5si",
		"pbkdf2_sha256$1000000000$salt$4FHva3YwE7PWGrvAOTeuXCA7Nwg2NZKMXA3mLszc5YY=",
		"scrypt$1073741824$salt$8$1$4FHva3YwE7PWGrvAOTeuXCA7Nwg2NZKMXA3mLszc5YY=",
		"md5$" + strings.Repeat("x", 1<<20) + "$88a434c88cca4e900f7874cd98123f43",
		"crypt$$ab1Hv2Lg7ltQo",
		"secret",
	} {
		got, err := h.Verify(ctx, "secret", encoded)
		if !errors.Is(err, password.ErrHash) || got != (password.Result{}) {
			t.Errorf("Verify(%.60q) = %+v, %v, want ErrHash", encoded, got, err)
		}
	}
	if got := password.Kind("crypt$$ab1Hv2Lg7ltQo"); got != "crypt" {
		t.Errorf("Kind = %q", got)
	}
}

func TestWeak(t *testing.T) {
	ctx := t.Context()
	encode := func(p password.Params) string {
		encoded, err := newHasher(t, password.Options{Params: p}).Hash(ctx, "secret")
		if err != nil {
			t.Fatal(err)
		}
		return encoded
	}
	h := newHasher(t, password.Options{Params: password.Params{Memory: 64, Time: 2}})
	for _, test := range []struct {
		encoded string
		weak    bool
	}{
		{encode(password.Params{Memory: 64, Time: 2}), false},
		{encode(password.Params{Memory: 128, Time: 1}), false},
		{encode(password.Params{Memory: 64, Time: 2, Threads: 2}), false},
		{encode(password.Params{Memory: 64, Time: 1}), true},
		{encode(password.Params{Memory: 32, Time: 9}), true},
		{"argon2" + encode(password.Params{Memory: 64, Time: 2}), true},
	} {
		if got, err := h.Verify(ctx, "secret", test.encoded); err != nil || !got.OK || got.Weak != test.weak {
			t.Errorf("Verify(%q) = %+v, %v, want weak %v", test.encoded, got, err, test.weak)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, o := range []password.Options{
		{Params: password.Params{Memory: 7}},
		{Params: password.Params{Memory: 8, Threads: 2}},
		{Params: password.Params{Memory: 4 << 20}},
		{Params: password.Params{Time: 1 << 31}},
		{Params: password.Params{Threads: 255}},
		{Memory: 1 << 20},
		{Memory: -1},
		{Workers: -1},
	} {
		if _, err := password.New(o); err == nil {
			t.Errorf("New(%+v) took it", o)
		}
	}
}

func readJSON(t testing.TB, path string, into any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func FuzzVerify(f *testing.F) {
	for _, encoded := range []string{
		"$argon2id$v=19$m=8,t=1,p=1$b3VyIG93biBzYWx0ISEh$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$2b$04$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG", "scrypt$16$s$8$1$4FHva3YwE7PWGrvAOTeuXCA7Nwg2NZKMXA3mLszc5YY=",
		"md5$$88a434c88cca4e900f7874cd98123f43", "pbkdf2_sha1$1$s$0SAmnpCgBiJ9Obij7GT8RcxviHs=", "!", "x",
	} {
		f.Add("secret", encoded)
	}
	h := newHasher(f, password.Options{Params: cheap, Memory: 1 << 20})
	f.Fuzz(func(t *testing.T, pw, encoded string) {
		if password.CostlyForFuzz(encoded) {
			t.Skip()
		}
		got, err := h.Verify(context.Background(), durin.Secret(pw), encoded)
		if err != nil && (!errors.Is(err, password.ErrHash) || got.OK) {
			t.Fatalf("Verify = %+v, %v", got, err)
		}
	})
}
