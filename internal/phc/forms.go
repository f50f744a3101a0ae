package phc

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// argon2 reads $argon2id$v=19$m=19456,t=2,p=1$salt$sum, in unpadded base 64.
func (h *Hash) argon2(text string) error {
	parts := strings.Split(text, "$")
	if len(parts) == 5 && parts[0] == "" && strings.HasPrefix(parts[2], "m=") {
		return fmt.Errorf("%w: %s of version 16", ErrUnsupported, h.Kind)
	}
	if len(parts) != 6 || parts[0] != "" {
		return malformed("its parts")
	}
	if parts[2] != "v=19" {
		return fmt.Errorf("%w: %s of a version that is not 19", ErrUnsupported, h.Kind)
	}
	cost, err := parameters(parts[3], "m", "t", "p")
	if err != nil {
		return err
	}
	m, t, p := cost[0], cost[1], cost[2]
	switch {
	case m < 8*p || m == 0 || t == 0 || p == 0:
		return malformed("its parameters")
	case m > maxMemory>>10, p > maxThreads, t > maxPasses>>10, m*t > maxPasses>>10:
		return ErrCost
	}
	h.Memory, h.Time, h.Threads = uint32(m), uint32(t), uint8(p)
	return h.saltAndSum(parts[4], parts[5])
}

// saltAndSum reads PHC's unpadded base 64.
func (h *Hash) saltAndSum(salt, sum string) (err error) {
	if h.Salt, err = base64.RawStdEncoding.Strict().DecodeString(salt); err != nil || len(h.Salt) == 0 {
		return malformed("its salt")
	}
	h.Sum, err = base64.RawStdEncoding.Strict().DecodeString(sum)
	if err != nil || len(h.Sum) < minSum || len(h.Sum) > maxSum {
		return malformed("its checksum")
	}
	return nil
}

// pbkdf2 reads Django's pbkdf2_sha256$rounds$salt$sum, in padded base 64.
func (h *Hash) pbkdf2(encoded string) (err error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 4 {
		return malformed("its parts")
	}
	rounds, err := number(parts[1])
	switch {
	case err != nil:
		return err
	case rounds == 0:
		return malformed("its rounds")
	case rounds > maxRounds:
		return ErrCost
	}
	h.Rounds, h.Salt = int(rounds), []byte(parts[2])
	size := 32
	if h.Kind == PBKDF2SHA1 {
		size = 20
	}
	h.Sum, err = base64.StdEncoding.Strict().DecodeString(parts[3])
	if err != nil || len(h.Sum) != size {
		return malformed("its checksum")
	}
	return nil
}

// bcrypt reads $2b$12$ and 53 characters, or the same behind Django's name.
func (h *Hash) bcrypt(encoded string) error {
	if name := string(h.Kind) + "$"; strings.HasPrefix(encoded, name) {
		encoded = encoded[len(name):]
	}
	if len(encoded) != 60 || dollarKind(encoded[1:], "2") != Bcrypt || encoded[0] != '$' || encoded[6] != '$' {
		return malformed("its parts")
	}
	for _, c := range []byte(encoded[7:]) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '.' || c > '9') {
			return malformed("its characters")
		}
	}
	cost, err := number(encoded[4:6])
	switch {
	case err != nil:
		return err
	case cost < 4:
		return malformed("its cost")
	case cost > maxBcryptCost:
		return ErrCost
	}
	h.Rounds, h.Crypt = int(cost), encoded
	return nil
}

// scrypt reads Django's scrypt$N$salt$r$p$sum, in padded base 64, and the PHC
// form $scrypt$ln=14,r=8,p=1$salt$sum.
func (h *Hash) scrypt(encoded string) (err error) {
	parts := strings.Split(encoded, "$")
	var n, r, p uint64
	switch {
	case len(parts) == 5 && parts[0] == "":
		cost, err := parameters(parts[2], "ln", "r", "p")
		if err != nil {
			return err
		}
		if cost[0] > 40 {
			return ErrCost
		}
		n, r, p = 1<<cost[0], cost[1], cost[2]
		if err := h.saltAndSum(parts[3], parts[4]); err != nil {
			return err
		}
	case len(parts) == 6 && parts[0] == "scrypt":
		var errs [3]error
		n, errs[0] = number(parts[1])
		r, errs[1] = number(parts[3])
		p, errs[2] = number(parts[4])
		if err := cmp.Or(errs[:]...); err != nil {
			return err
		}
		h.Salt = []byte(parts[2])
		h.Sum, err = base64.StdEncoding.Strict().DecodeString(parts[5])
		if err != nil || len(h.Sum) < minSum || len(h.Sum) > maxSum {
			return malformed("its checksum")
		}
	default:
		return malformed("its parts")
	}
	switch {
	case n < 2 || n&(n-1) != 0 || r == 0 || p == 0:
		return malformed("its parameters")
	case r > maxScryptR, p > maxScryptP, n > maxMemory, 128*n*r > maxMemory, 128*n*r*p > maxPasses:
		return ErrCost
	}
	h.N, h.R, h.P = int(n), int(r), int(p)
	return nil
}

// digest reads Django's md5$salt$hex and sha1$salt$hex, and the ones without
// a salt: md5$$hex, sha1$$hex and 32 bare digits.
func (h *Hash) digest(encoded string) (err error) {
	parts := strings.Split(encoded, "$")
	if len(parts) == 1 {
		parts = []string{"", "", encoded}
	}
	if len(parts) != 3 {
		return malformed("its parts")
	}
	size := 16
	if h.Kind == SHA1 || h.Kind == UnsaltedSHA1 {
		size = 20
	}
	h.Salt = []byte(parts[1])
	h.Sum, err = hex.DecodeString(parts[2])
	if err != nil || len(h.Sum) != size {
		return malformed("its checksum")
	}
	return nil
}

// parameters reads "m=1,t=2,p=3" where the names come in that order.
func parameters(text string, names ...string) ([]uint64, error) {
	parts := strings.Split(text, ",")
	if len(parts) != len(names) {
		return nil, malformed("its parameters")
	}
	values := make([]uint64, len(names))
	for i, part := range parts {
		value, found := strings.CutPrefix(part, names[i]+"=")
		if !found {
			return nil, malformed("its parameters")
		}
		var err error
		if values[i], err = number(value); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// number reads a decimal number without a sign. One beyond 32 bits costs too
// much wherever it stands.
func number(text string) (uint64, error) {
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return 0, malformed("a number")
		}
	}
	if text == "" {
		return 0, malformed("a number")
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, ErrCost
	}
	return n, nil
}

func malformed(what string) error { return fmt.Errorf("%w: %s", ErrMalformed, what) }
