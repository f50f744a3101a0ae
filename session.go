package durin

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Session is a token as its owner sees it: everything but the secret. The one
// that a function returns or a hook is given is a copy, with all that it points
// to: to change it changes no session.
type Session struct {
	// ID names the session to people and programs; it is no secret.
	ID int64
	// Digest is the SHA-256 of the token. Where renewals replace it, sessions
	// are known by their ID alone.
	Digest Digest
	// UserID is the user's id in the application's own words, at most 64
	// bytes. The program's own users have a decimal number.
	UserID string
	// UserName is set when the Store owns the users.
	UserName string
	// Client is the kind of program that the token was issued for.
	Client *Client
	// Created is when the row was made, IssuedAt when the present token was:
	// MaxLife counts from there.
	Created, IssuedAt time.Time
	// ExpiresAt is the last instant at which the token is good. The zero
	// Time: never.
	ExpiresAt time.Time
	// Ceiling is the instant beyond which nothing moves ExpiresAt: it is kept
	// with a token that was given a life time of its own (IssueRequest.TTL). It
	// can come earlier, never later. The zero Time: none.
	Ceiling time.Time
	// LastUsed is the last use that has been written; uses are gathered and
	// written in batches. Zero: not used yet.
	LastUsed time.Time
	// Device tells where the session was opened. Guard.Verify leaves it nil.
	Device *Device
	// Inactive says that the user is deactivated: the token is refused.
	Inactive bool
	// ReplacedBy is set when a renewal has put another token in the place of
	// this one (Client.Rotate): the digest of the session's present token.
	// This one is good until ExpiresAt, the end of its grace.
	ReplacedBy *Digest
}

// Expired reports whether the session has run out at now.
func (s *Session) Expired(now time.Time) bool {
	return !s.ExpiresAt.IsZero() && now.After(s.ExpiresAt)
}

// ExpiryAfter is when a session that is renewed or used at now runs out:
// Client.Expiry, and never after the Ceiling. The zero Time is never.
func (s *Session) ExpiryAfter(now time.Time) time.Time {
	return Earliest(s.Client.Expiry(s.IssuedAt, now), s.Ceiling)
}

// Earliest is the earlier one of two expiries, of which the zero Time is never.
func Earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// A Device is what is known of the place a session was opened from. Stores cut
// each part to 255 bytes at a character's boundary.
type Device struct {
	Name    string // given by the caller, e.g. "Ada's laptop"
	Address string // the peer's network address
	Agent   string // the User-Agent header
}

// A User is an account that the Store owns. Applications with users of their
// own do not need it: they only name their users by id.
type User struct {
	// ID is a positive int64 in decimal, given by the Store when empty.
	ID string
	// Name is unique, compared byte by byte: 1 to MaxUserName characters of
	// valid UTF-8 without NUL. NewName says more of new ones.
	Name string
	// Password is a hash in one of the forms that package password knows,
	// or "!" and anything for a password that can never be right.
	Password string
	// Active users may log in and use their tokens.
	Active bool
	// Admin users may use the admin pages.
	Admin bool
	// Created is when the user was made; LastLogin the last log-in, zero if
	// there was none.
	Created, LastLogin time.Time
}

// Validate reports every fault of u, joined; each is a *FieldError.
func (u User) Validate() error {
	var faults []error
	fault := func(field, message string) { faults = append(faults, &FieldError{field, message}) }
	switch {
	case strings.TrimSpace(u.Name) == "":
		fault("name", "This field may not be blank.")
	case u.Name != strings.TrimSpace(u.Name):
		fault("name", "A user name may not begin or end with a blank: logins trim it.")
	case !utf8.ValidString(u.Name) || strings.ContainsRune(u.Name, 0):
		fault("name", "Write the name in valid UTF-8 without NUL.")
	case utf8.RuneCountInString(u.Name) > MaxUserName:
		fault("name", fmt.Sprintf("Ensure this field has no more than %d characters.", MaxUserName))
	}
	if u.ID != "" {
		if id, err := strconv.ParseInt(u.ID, 10, 64); err != nil || id < 1 || strconv.FormatInt(id, 10) != u.ID {
			fault("id", "A user id is a whole number above zero.")
		}
	}
	return errors.Join(faults...)
}

// copyTo copies s to own, which has a Client to copy that of s to, and returns it;
// nil if s is nil. Field by field: own.Client must not be read and stored, or the
// compiler would not leave it where it is.
func (s *Session) copyTo(own *Session) *Session {
	if s == nil {
		return nil
	}
	own.ID, own.Digest, own.UserID, own.UserName = s.ID, s.Digest, s.UserID, s.UserName
	if s.Client != nil {
		*own.Client = *s.Client
	}
	own.Created, own.IssuedAt, own.ExpiresAt, own.Ceiling, own.LastUsed = s.Created, s.IssuedAt, s.ExpiresAt, s.Ceiling, s.LastUsed
	own.Device, own.Inactive, own.ReplacedBy = clone(s.Device), s.Inactive, clone(s.ReplacedBy)
	return own
}

// clone is a copy of s that shares nothing with it; nil of nil.
func (s *Session) clone() *Session {
	own := s.copyTo(&Session{Client: new(Client)})
	if own != nil && s.Client == nil {
		own.Client = nil
	}
	return own
}
