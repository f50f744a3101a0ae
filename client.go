package durin

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/durin-go/durin/throttle"
)

// Never is the life time of a token that does not expire. Stores keep it as
// NULL; on the wire it is "expiry":null.
const Never = time.Duration(math.MaxInt64)

// AdminClient is the name of the client whose tokens are the sessions of the
// admin pages, which make it. They are good for nothing else: only
// Guard.VerifyAdmin takes them.
const AdminClient = "durin-admin"

// Policy says what a login does when the user already has live tokens for the
// client.
type Policy string

const (
	// PolicyReuse hands out the token that is there, as django-rest-durin
	// does. At most one token lives for a user and client. It needs a
	// keyring: the token must be shown a second time.
	PolicyReuse Policy = "reuse"
	// PolicyReplace ends the old token and issues a new one.
	PolicyReplace Policy = "replace"
	// PolicyEvict issues a new token and ends the oldest beyond MaxTokens.
	PolicyEvict Policy = "evict"
	// PolicyReject refuses to issue beyond MaxTokens live tokens, with
	// ErrTooManyTokens. Expired tokens do not count.
	PolicyReject Policy = "reject"
)

// A Client is a kind of program that calls the API: the web application, the
// command line, the phone. Its rules hold for every token issued for it.
type Client struct {
	// ID is given by the Store and never used again after a deletion.
	ID int64
	// Name is unique, compared byte by byte: 1 to 64 characters of valid
	// UTF-8 without NUL.
	Name string
	// TTL is the life time of a token from its issue or renewal, in
	// microseconds' precision: more than zero, or Never.
	TTL time.Duration
	// Rate is the throttle for one user of this client. Unset: the Guard's
	// DefaultRate.
	Rate Rate
	// Policy is what a login does about tokens that are there. Empty counts
	// as PolicyReuse.
	Policy Policy
	// MaxTokens is the most live tokens of one user, for PolicyEvict and
	// PolicyReject: at least 1. The other policies have exactly one and
	// keep it 0.
	MaxTokens int
	// Sliding, when set, lets each use of a token move its expiry to
	// TTL from then, written at most once per this interval: a token
	// lives at least TTL-Sliding after its last use. Zero: the expiry is
	// fixed until a renewal.
	Sliding time.Duration
	// MaxLife, when set, is the longest that a token lives from its issue,
	// whatever renewals and uses there are.
	MaxLife time.Duration
	// Rotate, when set, makes each renewal by its owner answer a new token: the
	// grace, from a second to a day, for which the one before stays good.
	// Whoever presents that later ends the session, for one of the two who
	// have it is not its owner. It needs a keyring. Zero: a renewal keeps the
	// token.
	Rotate time.Duration
	// NoPassword closes the client to logins by user name and password.
	NoPassword bool
	// Cookie says that tokens travel in a cookie that no script can read, and
	// in no header; else in the Authorization header and in no cookie.
	Cookie bool
	// Description is for people: at most 1,000 characters.
	Description string
	// Created is when the client was made.
	Created time.Time
}

// Validate reports every fault of c, joined; each is a *FieldError.
func (c Client) Validate() error {
	var faults []error
	fault := func(field, format string, args ...any) {
		faults = append(faults, &FieldError{field, fmt.Sprintf(format, args...)})
	}
	switch {
	case strings.TrimSpace(c.Name) == "":
		fault("name", "This field may not be blank.")
	case !utf8.ValidString(c.Name):
		fault("name", "Not valid UTF-8.")
	case strings.ContainsRune(c.Name, 0):
		fault("name", "Null characters are not allowed.")
	case utf8.RuneCountInString(c.Name) > 64:
		fault("name", "Ensure this field has no more than 64 characters.")
	}
	if c.TTL < time.Microsecond {
		fault("ttl", "A life time must be longer than zero; write \"never\" for tokens that do not expire.")
	}
	if c.Rate.N < 0 || c.Rate.Period < 0 {
		fault("throttle", "A rate may not be negative; 0/m blocks.")
	}
	switch c.Policy {
	case "", PolicyReuse, PolicyReplace:
		if c.MaxTokens != 0 {
			fault("max-tokens", "Only the policies evict and reject take a maximum.")
		}
	case PolicyEvict, PolicyReject:
		if c.MaxTokens < 1 {
			fault("max-tokens", "The policy %s needs a maximum of at least 1.", c.Policy)
		}
	default:
		fault("policy", "%q is not one of reuse, replace, evict, reject.", string(c.Policy))
	}
	switch {
	case c.Sliding < 0:
		fault("sliding", "May not be negative.")
	case c.Sliding > 0 && c.TTL == Never:
		fault("sliding", "Tokens that never expire cannot slide.")
	case c.Sliding > 0 && c.Sliding >= c.TTL:
		fault("sliding", "The least interval between writes must be shorter than the life time.")
	}
	if c.MaxLife < 0 {
		fault("max-life", "May not be negative.")
	}
	switch {
	case c.Rotate != 0 && (c.Rotate < time.Second || c.Rotate > 24*time.Hour):
		fault("rotate", "The grace of a token that a renewal replaces is between a second and a day.")
	case c.Rotate != 0 && c.Name == AdminClient:
		fault("rotate", "The tokens of this client are the admin pages' own.")
	}
	if !utf8.ValidString(c.Description) || strings.ContainsRune(c.Description, 0) || utf8.RuneCountInString(c.Description) > 1000 {
		fault("description", "At most 1,000 characters of valid UTF-8 without NUL.")
	}
	return errors.Join(faults...)
}

// Expiry is when a token of c runs out that was first issued at issued and is
// issued or renewed at now. The zero Time is never.
func (c Client) Expiry(issued, now time.Time) time.Time {
	return expiry(c.TTL, c.MaxLife, issued, now)
}

func expiry(ttl, maxLife time.Duration, issued, now time.Time) time.Time {
	var at time.Time
	if ttl != Never {
		at = now.Add(ttl)
	}
	if maxLife > 0 && maxLife != Never {
		if last := issued.Add(maxLife); at.IsZero() || last.Before(at) {
			at = last
		}
	}
	return at
}

// A Rate allows N requests in any window of Period. The zero Rate is unset, and
// one with a Period and an N of 0 blocks. throttle.ParseRate reads it.
type Rate = throttle.Rate
