// Package tokenrule holds the rules that every store keeps alike: which tokens
// a login ends, hands out again or is refused for, and the form that values
// are kept in. Its functions are pure. A store reads the rows under its lock,
// asks, and writes what it is told.
//
// It is the one internal package that imports the root, which does not import
// it.
package tokenrule

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/durin-go/durin"
)

// A Row is a token that is there, of the user and client in question.
type Row struct {
	ID        int64
	Digest    durin.Digest
	IssuedAt  time.Time
	ExpiresAt time.Time // zero: never
	Ceiling   time.Time // zero: none
	HasSeal   bool
}

func (r Row) live(now time.Time) bool {
	return r.ExpiresAt.IsZero() || !now.After(r.ExpiresAt)
}

// A Decision says what Store.Issue must do. Delete End first, then hand out a
// token.
type Decision struct {
	// Reused says that Row is handed out again. Its digest, seal, device,
	// IssuedAt, Created and LastUsed stay. Else a new token is inserted, with
	// the seal that Seal leaves, issued and created at Instant(NewToken.Now).
	Reused bool
	Row    Row // as it was found
	// Renewed says that the reused row's expiry becomes ExpiresAt and its ceiling
	// Ceiling, be they others or not. Shortened says that it is earlier than before:
	// such a change belongs in the outbox.
	Renewed, Shortened bool
	// ExpiresAt is that of the token handed out, old or new. Zero: never.
	ExpiresAt time.Time
	// Ceiling is that of the token handed out, old or new. Zero: none.
	Ceiling time.Time
	// End are the rows to delete, oldest first. All of their digests belong
	// in IssuedToken.Ended and in the outbox, expired ones too: a node may
	// hold a later expiry that is not written yet.
	End []Row
}

// Decide applies c's policy to t. rows are all tokens of t.UserID and c, also
// expired ones, in any order, read under a lock that keeps other calls of Issue
// for the two out until the decision is carried out. c is the client as it is
// in the store; CheckUser has found no fault in the user.
//
// Its errors are ErrUnknownClient (c is closed to log-ins by password),
// ErrKeyExists, ErrTooManyTokens, and ErrExists for a new digest that one of
// rows has, each wrapped; nothing is to be written then. Whether a row of
// another user or client has the digest is the store's to find out.
func Decide(c durin.Client, t durin.NewToken, rows []Row) (Decision, error) {
	if t.Password && c.NoPassword {
		return Decision{}, fmt.Errorf("durin: client %q is closed to passwords: %w", c.Name, durin.ErrUnknownClient)
	}
	now := Instant(t.Now)
	rows = oldestFirst(rows)
	live := slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return !r.live(now) })
	if t.Single {
		if len(live) > 0 {
			return Decision{}, fmt.Errorf("durin: client %q: %w", c.Name, durin.ErrKeyExists)
		}
		return insert(c, t, rows, rows)
	}
	most := max(1, c.MaxTokens)
	switch policy(c, t) {
	case durin.PolicyReplace:
		return insert(c, t, rows, rows)
	case durin.PolicyEvict:
		return insert(c, t, rows, live[:max(0, len(live)+1-most)])
	case durin.PolicyReject:
		if len(live) >= most {
			return Decision{}, fmt.Errorf("durin: client %q: %w", c.Name, durin.ErrTooManyTokens)
		}
		return insert(c, t, rows, nil)
	}
	for _, row := range slices.Backward(live) {
		if d, ok := reuse(c, t, row); ok {
			d.End = slices.DeleteFunc(rows, func(r Row) bool { return r.ID == row.ID })
			return d, nil
		}
	}
	return insert(c, t, rows, rows)
}

// Admit applies c's policy to the token t, which was issued elsewhere and comes
// in at now: whether it may, and which rows have to make room, oldest first. rows
// are as for Decide. The newest tokens stay, as if t had been issued here; by
// PolicyReject those that are here do. An expired token needs no room.
func Admit(c durin.Client, t Row, rows []Row, now time.Time) (end []Row, ok bool) {
	if !t.live(now) {
		return nil, true
	}
	live := slices.DeleteFunc(oldestFirst(rows), func(r Row) bool { return !r.live(now) })
	most := 1
	if c.Policy == durin.PolicyEvict || c.Policy == durin.PolicyReject {
		most = max(1, c.MaxTokens)
	}
	over := len(live) + 1 - most
	switch {
	case over <= 0:
		return nil, true
	case c.Policy == durin.PolicyReject, older(t, live[over-1]):
		return nil, false
	}
	return live[:over], true
}

// older orders tokens by IssuedAt, then ID.
func older(a, b Row) bool {
	if n := a.IssuedAt.Compare(b.IssuedAt); n != 0 {
		return n < 0
	}
	return a.ID < b.ID
}

// Seal is what is kept of t's seal with a new token of c, nil for none: a client
// with another policy than PolicyReuse has no use for it.
func Seal(c durin.Client, t durin.NewToken) []byte {
	if len(t.Seal) == 0 || !t.KeepSeal && c.Policy != "" && c.Policy != durin.PolicyReuse {
		return nil
	}
	return bytes.Clone(t.Seal)
}

// policy is the one that holds for t. A policy that is not known counts as the
// strictest.
func policy(c durin.Client, t durin.NewToken) durin.Policy {
	switch c.Policy {
	case "", durin.PolicyReuse:
		if t.NoReuse {
			return durin.PolicyReplace
		}
		return durin.PolicyReuse
	case durin.PolicyEvict, durin.PolicyReject:
		return c.Policy
	}
	return durin.PolicyReplace
}

// insert decides for a new token in the place of the rows in end.
func insert(c durin.Client, t durin.NewToken, rows, end []Row) (Decision, error) {
	for _, r := range rows {
		if r.Digest == t.Digest {
			return Decision{}, fmt.Errorf("durin: token %d: %w", r.ID, durin.ErrExists)
		}
	}
	now := Instant(t.Now)
	return Decision{ExpiresAt: expiry(c, t, now, now), Ceiling: ceiling(t), End: end}, nil
}

// reuse decides for handing out the live row again. A row that cannot be
// shown, or that would be dead by its renewal, is none to hand out.
func reuse(c durin.Client, t durin.NewToken, row Row) (Decision, bool) {
	if !row.HasSeal || row.Digest == t.Lost {
		return Decision{}, false
	}
	d := Decision{Reused: true, Row: row, ExpiresAt: row.ExpiresAt, Ceiling: durin.Earliest(row.Ceiling, ceiling(t))}
	now := Instant(t.Now)
	if t.RenewReused {
		d.ExpiresAt = expiry(c, t, row.IssuedAt, now)
	}
	d.ExpiresAt = durin.Earliest(d.ExpiresAt, d.Ceiling)
	d.Renewed = t.RenewReused || d.ExpiresAt != row.ExpiresAt || d.Ceiling != row.Ceiling
	d.Shortened = Earlier(d.ExpiresAt, row.ExpiresAt)
	if !d.ExpiresAt.IsZero() && now.After(d.ExpiresAt) {
		return Decision{}, false
	}
	return d, true
}

// ceiling is the one that t asks for.
func ceiling(t durin.NewToken) time.Time {
	if t.TTL == 0 || t.TTL == durin.Never {
		return time.Time{}
	}
	return Instant(Instant(t.Now).Add(t.TTL))
}

// expiry is the client's, with the life time that t sets in the place of the
// client's own.
func expiry(c durin.Client, t durin.NewToken, issued, now time.Time) time.Time {
	if t.TTL != 0 {
		c.TTL = t.TTL
	}
	return Instant(c.Expiry(issued, now))
}

// Earlier reports whether expiry a is before b; the zero Time is never, after
// all others. A renewal from b to such an a belongs in the outbox.
func Earlier(a, b time.Time) bool {
	return !a.IsZero() && (b.IsZero() || a.Before(b))
}

// oldestFirst is a copy of rows by IssuedAt, then ID.
func oldestFirst(rows []Row) []Row {
	return slices.SortedFunc(slices.Values(rows), func(a, b Row) int {
		if older(a, b) {
			return -1
		}
		return 1
	})
}

var errEmpty = &durin.FieldError{Field: "selection", Message: "It selects by nothing, and would end every token: name an id, a user or a client."}

// CheckSelection reports a selection that selects by nothing. Except and
// Spare alone are such ones: they would end the tokens of everybody else.
func CheckSelection(s durin.Selection) error {
	s.Except, s.Spare = 0, ""
	if s == (durin.Selection{}) {
		return errEmpty
	}
	return nil
}
