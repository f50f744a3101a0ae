package phc

import (
	"errors"
	"strings"
	"testing"
)

const (
	argonTail  = "$b3VyIG93biBzYWx0ISEh$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	bcryptTail = "rs.qzYOGTmVvIAFRubHptOCQm4WWXdbNNSLTCX1KqaRBrOdv1w5si"
	sum32      = "4FHva3YwE7PWGrvAOTeuXCA7Nwg2NZKMXA3mLszc5YY="
	sum20      = "0SAmnpCgBiJ9Obij7GT8RcxviHs="
	hex16      = "0b8837c04ff4d2c22593184fc738565a"
	hex20      = "37df8c23a05bbbc0cf565a0d17824abec16fb135"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		encoded string
		want    Hash // without Salt and Sum
		salt    string
		sum     int
		bytes   int64
	}{
		{"$argon2id$v=19$m=19456,t=2,p=1" + argonTail, Hash{Kind: Argon2id, Memory: 19456, Time: 2, Threads: 1}, "our own salt!!!", 32, 19456 << 10},
		{"argon2$argon2id$v=19$m=102400,t=2,p=8" + argonTail, Hash{Kind: Argon2id, Foreign: true, Memory: 102400, Time: 2, Threads: 8}, "our own salt!!!", 32, 100 << 20},
		{"argon2$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q", Hash{Kind: Argon2i, Foreign: true, Memory: 8, Time: 1, Threads: 1}, "saltsalt", 16, 8 << 10},
		{"pbkdf2_sha256$1200000$seasalt$" + sum32, Hash{Kind: PBKDF2SHA256, Foreign: true, Rounds: 1200000}, "seasalt", 32, 1 << 14},
		{"pbkdf2_sha1$260000$seasalt$" + sum20, Hash{Kind: PBKDF2SHA1, Foreign: true, Rounds: 260000}, "seasalt", 20, 1 << 14},
		{"pbkdf2_wrapped_sha1$390000$seasalt$" + sum32, Hash{Kind: WrappedSHA1, Foreign: true, Rounds: 390000}, "seasalt", 32, 1 << 14},
		{"pbkdf2_wrapped_md5$390000$seasalt$" + sum32, Hash{Kind: WrappedMD5, Foreign: true, Rounds: 390000}, "seasalt", 32, 1 << 14},
		{"bcrypt$$2b$12$" + bcryptTail, Hash{Kind: Bcrypt, Foreign: true, Rounds: 12, Crypt: "$2b$12$" + bcryptTail}, "", 0, 1 << 14},
		{"bcrypt_sha256$$2b$12$" + bcryptTail, Hash{Kind: BcryptSHA256, Foreign: true, Rounds: 12, Crypt: "$2b$12$" + bcryptTail}, "", 0, 1 << 14},
		{"$2y$04$" + bcryptTail, Hash{Kind: Bcrypt, Foreign: true, Rounds: 4, Crypt: "$2y$04$" + bcryptTail}, "", 0, 1 << 14},
		{"scrypt$16384$seasalt$8$5$" + sum32, Hash{Kind: Scrypt, Foreign: true, N: 16384, R: 8, P: 5}, "seasalt", 32, 128 * 8 * 16391},
		{"$scrypt$ln=14,r=8,p=1" + argonTail, Hash{Kind: Scrypt, Foreign: true, N: 16384, R: 8, P: 1}, "our own salt!!!", 32, 128 * 8 * 16387},
		{"md5$sé$" + hex16, Hash{Kind: MD5, Foreign: true}, "sé", 16, 1 << 14},
		{"sha1$salt$" + hex20, Hash{Kind: SHA1, Foreign: true}, "salt", 20, 1 << 14},
		{"md5$$" + hex16, Hash{Kind: UnsaltedMD5, Foreign: true}, "", 16, 1 << 14},
		{hex16, Hash{Kind: UnsaltedMD5, Foreign: true}, "", 16, 1 << 14},
		{"sha1$$" + hex20, Hash{Kind: UnsaltedSHA1, Foreign: true}, "", 20, 1 << 14},
	} {
		got, err := Parse(test.encoded)
		if err != nil {
			t.Errorf("Parse(%q): %v", test.encoded, err)
			continue
		}
		if string(got.Salt) != test.salt || len(got.Sum) != test.sum || got.Bytes() != test.bytes {
			t.Errorf("Parse(%q): salt %q, a sum of %d bytes, %d bytes of memory", test.encoded, got.Salt, len(got.Sum), got.Bytes())
		}
		salt, sum := got.Salt, got.Sum
		got.Salt, got.Sum = nil, nil
		if got.Kind != test.want.Kind || got.Foreign != test.want.Foreign || got.Memory != test.want.Memory || got.Time != test.want.Time ||
			got.Threads != test.want.Threads || got.Rounds != test.want.Rounds || got.N != test.want.N || got.R != test.want.R ||
			got.P != test.want.P || got.Crypt != test.want.Crypt {
			t.Errorf("Parse(%q) = %+v (%q, %x), want %+v", test.encoded, got, salt, sum, test.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct {
		encoded string
		kind    Kind
		want    error
	}{
		{"", Unusable, ErrUnusable},
		{"!", Unusable, ErrUnusable},
		{"!KYk7QocDg9NinaZQjdJvY52A1P3sGTTkId3D6WX0", Unusable, ErrUnusable},
		{"plain text", Unknown, ErrUnknown},
		{"$", Unknown, ErrUnknown},
		{"$$", Unknown, ErrUnknown},
		{"$6$salt$hash", Unknown, ErrUnknown},
		{"$2x$04$" + bcryptTail, Unknown, ErrUnknown},
		{"argon2", Unknown, ErrUnknown},
		{"argon2$2b$12$" + bcryptTail, Unknown, ErrUnknown},
		{"argon2$$argon2id$v=19$m=8,t=1,p=1" + argonTail, Unknown, ErrUnknown},
		{"PBKDF2_SHA256$1$s$" + sum32, Unknown, ErrUnknown},
		{hex20, Unknown, ErrUnknown},
		{hex16 + "$", Unknown, ErrUnknown},
		{"crypt$$ab1Hv2Lg7ltQo", DESCrypt, ErrUnsupported},
		{"$argon2d$v=19$m=8,t=1,p=1" + argonTail, Argon2d, ErrUnsupported},
		{"argon2$argon2i$m=8,t=1,p=1" + argonTail, Argon2i, ErrUnsupported},
		{"$argon2id$v=16$m=8,t=1,p=1" + argonTail, Argon2id, ErrUnsupported},

		{"$argon2id", Argon2id, ErrMalformed},
		{"$argon2id$v=19$m=8,t=1,p=1", Argon2id, ErrMalformed},
		{"$argon2id$v=19$m=8,p=1,t=1" + argonTail, Argon2id, ErrMalformed},
		{"$argon2id$v=19$m=8,t=1,p=1,x=1" + argonTail, Argon2id, ErrMalformed},
		{"$argon2id$v=19$m=0,t=1,p=1" + argonTail, Argon2id, ErrMalformed},
		{"$argon2id$v=19$m=8,t=0,p=1" + argonTail, Argon2id, ErrMalformed},
		{"$argon2id$v=19$m=8,t=1,p=0" + argonTail, Argon2id, ErrMalformed},
		{"$argon2id$v=19$m=15,t=1,p=2" + argonTail, Argon2id, ErrMalformed},
		{"$argon2id$v=19$m=-8,t=1,p=1" + argonTail, Argon2id, ErrMalformed},
		{"$argon2id$v=19$m=8,t=1,p=1$$AAAAAAAAAAAAAAAAAAAA", Argon2id, ErrMalformed},
		{"$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+", Argon2id, ErrMalformed},
		{"$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q==", Argon2id, ErrMalformed},
		{"$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$" + strings.Repeat("A", 172), Argon2id, ErrMalformed},
		{"pbkdf2_sha256$1$s", PBKDF2SHA256, ErrMalformed},
		{"pbkdf2_sha256$0$s$" + sum32, PBKDF2SHA256, ErrMalformed},
		{"pbkdf2_sha256$-1$s$" + sum32, PBKDF2SHA256, ErrMalformed},
		{"pbkdf2_sha256$+1$s$" + sum32, PBKDF2SHA256, ErrMalformed},
		{"pbkdf2_sha256$1_000$s$" + sum32, PBKDF2SHA256, ErrMalformed},
		{"pbkdf2_sha256$$s$" + sum32, PBKDF2SHA256, ErrMalformed},
		{"pbkdf2_sha256$1$s$" + sum20, PBKDF2SHA256, ErrMalformed},
		{"pbkdf2_sha256$1$s$", PBKDF2SHA256, ErrMalformed},
		{"pbkdf2_sha1$1$s$" + sum32, PBKDF2SHA1, ErrMalformed},
		{"pbkdf2_wrapped_sha1$1$s$" + sum20, WrappedSHA1, ErrMalformed},
		{"pbkdf2_wrapped_md5$1$s", WrappedMD5, ErrMalformed},
		{"$2b$03$" + bcryptTail, Bcrypt, ErrMalformed},
		{"$2b$+4$" + bcryptTail, Bcrypt, ErrMalformed},
		{"$2b$12$" + bcryptTail + "x", Bcrypt, ErrMalformed},
		{"$2b$12$" + bcryptTail[1:] + "$", Bcrypt, ErrMalformed},
		{"bcrypt$", Bcrypt, ErrMalformed},
		{"bcrypt$bcrypt$$2b$12$" + bcryptTail, Bcrypt, ErrMalformed},
		{"bcrypt$" + strings.Repeat("x", 60), Bcrypt, ErrMalformed},
		{"scrypt$", Scrypt, ErrMalformed},
		{"scrypt$1000$s$8$1$" + sum32, Scrypt, ErrMalformed},
		{"scrypt$1$s$8$1$" + sum32, Scrypt, ErrMalformed},
		{"scrypt$0$s$8$1$" + sum32, Scrypt, ErrMalformed},
		{"scrypt$16$s$0$1$" + sum32, Scrypt, ErrMalformed},
		{"scrypt$16$s$8$0$" + sum32, Scrypt, ErrMalformed},
		{"scrypt$16$s$8$-1$" + sum32, Scrypt, ErrMalformed},
		{"$scrypt$ln=4,r=8,p=1$!$" + sum32, Scrypt, ErrMalformed},
		{"md5$salt$" + hex20, MD5, ErrMalformed},
		{"sha1$salt$" + hex16, SHA1, ErrMalformed},
		{"sha1$a$b$" + hex20, SHA1, ErrMalformed},
		{"md5$$", UnsaltedMD5, ErrMalformed},
		{strings.Repeat("x", 32), UnsaltedMD5, ErrMalformed},
		{"md5$" + strings.Repeat("s", 600) + "$" + hex16, MD5, ErrMalformed},

		{"$argon2id$v=19$m=4194304,t=1,p=1" + argonTail, Argon2id, ErrCost},
		{"$argon2id$v=19$m=8,t=1000000000,p=1" + argonTail, Argon2id, ErrCost},
		{"$argon2id$v=19$m=1048576,t=5,p=1" + argonTail, Argon2id, ErrCost},
		{"$argon2id$v=19$m=4096,t=1,p=255" + argonTail, Argon2id, ErrCost},
		{"$argon2id$v=19$m=99999999999999999999,t=1,p=1" + argonTail, Argon2id, ErrCost},
		{"pbkdf2_sha256$1000000000$s$" + sum32, PBKDF2SHA256, ErrCost},
		{"pbkdf2_sha256$99999999999999999999$s$" + sum32, PBKDF2SHA256, ErrCost},
		{"$2b$31$" + bcryptTail, Bcrypt, ErrCost},
		{"bcrypt_sha256$$2b$17$" + bcryptTail, BcryptSHA256, ErrCost},
		{"scrypt$1073741824$s$8$1$" + sum32, Scrypt, ErrCost},
		{"scrypt$18446744073709551616$s$8$1$" + sum32, Scrypt, ErrCost},
		{"scrypt$2147483648$s$8$1$" + sum32, Scrypt, ErrCost},
		{"scrypt$16384$s$4294967295$4294967295$" + sum32, Scrypt, ErrCost},
		{"scrypt$1048576$s$8$64$" + sum32, Scrypt, ErrCost},
		{"$scrypt$ln=63,r=8,p=1" + argonTail, Scrypt, ErrCost},
		{"$scrypt$ln=64,r=8,p=1" + argonTail, Scrypt, ErrCost},
	} {
		got, err := Parse(test.encoded)
		if !errors.Is(err, test.want) || got.Kind != test.kind {
			t.Errorf("Parse(%q) = %s, %v, want %s, %v", test.encoded, got.Kind, err, test.kind, test.want)
		}
		if err != nil && len(test.encoded) > 20 && strings.Contains(err.Error(), test.encoded[len(test.encoded)-8:]) {
			t.Errorf("the error of %q quotes the hash: %v", test.encoded, err)
		}
	}
}

func TestUnknownFormsAreNamed(t *testing.T) {
	for encoded, want := range map[string]string{
		"pbkdf2_wrapped_bcrypt$1$s$" + sum32: "unknown form of password hash: pbkdf2_wrapped_bcrypt",
		"{SSHA}0SAmnpCgBiJ9Obij7GT8RcxviHs=": "unknown form of password hash: SSHA",
		"a plain password":                   "unknown form of password hash",
		"plain$password?":                    "unknown form of password hash: plain",
		"with a blank$x":                     "unknown form of password hash",
		"$6$salt$hash":                       "unknown form of password hash",
		strings.Repeat("n", 41) + "$x":       "unknown form of password hash",
	} {
		if _, err := Parse(encoded); !errors.Is(err, ErrUnknown) || err.Error() != want {
			t.Errorf("Parse(%q): %v, want %q", encoded, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"$argon2id$v=19$m=19456,t=2,p=1" + argonTail, "argon2$argon2i$v=19$m=8,t=1,p=1" + argonTail, "pbkdf2_sha256$1$s$" + sum32, "pbkdf2_wrapped_sha1$1$s$" + sum32,
		"bcrypt$$2b$12$" + bcryptTail, "scrypt$16384$seasalt$8$5$" + sum32, "$scrypt$ln=14,r=8,p=1" + argonTail, "md5$s$" + hex16,
		"sha1$$" + hex20, hex16, "!", "crypt$$ab1Hv2Lg7ltQo",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, encoded string) {
		h, err := Parse(encoded)
		if h.Kind != KindOf(encoded) {
			t.Fatalf("Parse says %s, KindOf %s", h.Kind, KindOf(encoded))
		}
		if err != nil {
			return
		}
		work := uint64(h.Memory)<<10*uint64(h.Time) + 128*uint64(h.N)*uint64(h.R)*uint64(h.P)
		if h.Bytes() <= 0 || h.Bytes() > maxMemory+1<<20 || work > maxPasses || h.Rounds > maxRounds || len(h.Sum) > maxSum {
			t.Fatalf("too much work: %+v", h)
		}
		if h.Crypt == "" && len(h.Sum) < minSum {
			t.Fatalf("too short a checksum: %+v", h)
		}
	})
}
