package tokenrule

import (
	"bytes"
	"time"

	"github.com/durin-go/durin"
)

const (
	// MaxReplaced bounds the replaced tokens that are remembered of a
	// session. Where there are as many, a renewal keeps the token: none is
	// forgotten that a thief may have, or its owner.
	MaxReplaced = 256
	// replacedKept bounds how long a replaced token is remembered that would
	// not have run out.
	replacedKept = 90 * 24 * time.Hour
	// lateKept is how long at least a replaced token is remembered beyond its
	// grace.
	lateKept = time.Hour
)

// Rotates reports whether a renewal puts a new token in the place of one of c, in
// whose session replaced ones are remembered. expires is the session's expiry
// after the renewal.
func Rotates(c durin.Client, now, expires time.Time, replaced int) bool {
	return c.Rotate > 0 && replaced < MaxReplaced && (expires.IsZero() || !now.After(expires))
}

// A Grace is what becomes of a token that a renewal replaces.
type Grace struct {
	Until  time.Time // the last instant at which it is good, and its successor's seal is needed
	Forget time.Time // from when on nothing needs to be known of it
}

// GraceOf is the grace of a token of c that is replaced at now. old and expires
// are the session's expiry before and after the renewal; zero: never.
func GraceOf(c durin.Client, now, old, expires time.Time) Grace {
	g := Grace{Until: now.Add(c.Rotate), Forget: now.Add(replacedKept)}
	if Earlier(expires, g.Until) {
		g.Until = expires
	}
	if Earlier(old, g.Forget) {
		g.Forget = old
	}
	if least := g.Until.Add(lateKept); g.Forget.Before(least) {
		g.Forget = least
	}
	return Grace{Instant(g.Until), Instant(g.Forget)}
}

// SealOf is what a session of c keeps of the seal of its new token, for others
// than those who renew: had says whether it kept one of the token before.
func SealOf(c durin.Client, had bool, seal []byte) []byte {
	if len(seal) == 0 || !had && c.Policy != "" && c.Policy != durin.PolicyReuse {
		return nil
	}
	return bytes.Clone(seal)
}
