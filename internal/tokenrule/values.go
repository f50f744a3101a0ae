package tokenrule

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/transfer"
)

// DefaultLimit is the number of rows of a query that sets none.
const DefaultLimit = 1000

const (
	maxUserIDBytes = 64
	maxDeviceBytes = 255
	maxSourceBytes = 64
	maxKeyBytes    = 128
	maxMarkBytes   = 96
)

// Instant is t as stores keep it: in UTC, cut to microseconds, without a
// monotonic reading. Two such instants are equal exactly when == says so.
func Instant(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMicro(t.UnixMicro()).UTC()
}

// Duration is d as stores keep it: cut to microseconds. Never stays.
func Duration(d time.Duration) time.Duration {
	if d == durin.Never {
		return d
	}
	return d.Truncate(time.Microsecond)
}

// Client is c as stores keep it, or the faults that Client.Validate finds.
func Client(c durin.Client) (durin.Client, error) {
	if err := c.Validate(); err != nil {
		return durin.Client{}, err
	}
	if c.ID < 0 {
		return durin.Client{}, &durin.FieldError{Field: "id", Message: "A client id is a whole number above zero."}
	}
	c.TTL = Duration(c.TTL)
	c.Sliding = Duration(c.Sliding)
	c.MaxLife = Duration(c.MaxLife)
	c.Rotate = Duration(c.Rotate)
	c.Created = Instant(c.Created)
	return c, nil
}

// ResourceServer is a new one as stores keep it, or the faults that its Validate
// finds.
func ResourceServer(s durin.ResourceServer) (durin.ResourceServer, error) {
	if err := s.Validate(); err != nil {
		return durin.ResourceServer{}, err
	}
	s.ID, s.Created, s.Expires = 0, Instant(s.Created), Instant(s.Expires)
	return s, nil
}

// User is u as stores keep it, or the faults that User.Validate finds.
func User(u durin.User) (durin.User, error) {
	if err := u.Validate(); err != nil {
		return durin.User{}, err
	}
	if !IsText(u.Password) {
		return durin.User{}, &durin.FieldError{Field: "password", Message: "Not valid UTF-8 without NUL."}
	}
	u.Created = Instant(u.Created)
	u.LastLogin = Instant(u.LastLogin)
	return u, nil
}

// IsText reports whether s is valid UTF-8 without NUL. No row has a name or id
// of another form, and some engines fail when they are asked for one: answer
// such a query without asking.
func IsText(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

// CheckUser reports a user id that no token can have: an error wrapping
// ErrInactive for an owned one, else a *durin.FieldError.
func CheckUser(id string, owned bool) error {
	if owned {
		if _, ok := ParseUserID(id); !ok {
			return fmt.Errorf("durin: no user has this id: %w", durin.ErrInactive)
		}
		return nil
	}
	if id == "" || len(id) > maxUserIDBytes || !IsText(id) {
		return &durin.FieldError{Field: "user", Message: fmt.Sprintf("A user id has 1 to %d bytes of valid UTF-8 without NUL.", maxUserIDBytes)}
	}
	return nil
}

// ParseUserID reads the id of one of a store's own users: a positive int64 in
// decimal, as strconv writes it.
func ParseUserID(id string) (int64, bool) {
	n, err := strconv.ParseInt(id, 10, 64)
	return n, err == nil && n > 0 && strconv.FormatInt(n, 10) == id
}

// NextID is the id above the highest that there has been.
func NextID(highest int64) (int64, error) {
	if highest == math.MaxInt64 {
		return 0, errors.New("durin: the ids are used up")
	}
	return highest + 1, nil
}

// Device is d as stores keep it: what is not valid UTF-8, and NUL, as U+FFFD,
// and each part cut to 255 bytes before a character.
func Device(d durin.Device) durin.Device {
	return durin.Device{Name: cut(d.Name), Address: cut(d.Address), Agent: cut(d.Agent)}
}

func cut(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) <= maxDeviceBytes {
		return s
	}
	n := maxDeviceBytes
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// Limit is n, or DefaultLimit where n sets none.
func Limit(n int) int {
	if n <= 0 {
		return DefaultLimit
	}
	return n
}

// CheckImport reports a row that no store can take: one with a source, key or
// mark that does not fit, that is not exactly one of client, user, token and known, a
// token with an id below zero, or one whose digest does not stand for its legacy
// one.
func CheckImport(r transfer.Row) error {
	kinds := 0
	for _, set := range []bool{r.Client != nil, r.User != nil, r.Token != nil, r.Known != nil} {
		if set {
			kinds++
		}
	}
	switch {
	case r.Source == "" || len(r.Source) > maxSourceBytes || !IsText(r.Source):
		return fmt.Errorf("durin: import: a source has 1 to %d bytes", maxSourceBytes)
	case r.Key == "" || len(r.Key) > maxKeyBytes || !IsText(r.Key):
		return fmt.Errorf("durin: import: a key of %s has 1 to %d bytes", r.Source, maxKeyBytes)
	case len(r.Mark) > maxMarkBytes || !IsText(r.Mark):
		return fmt.Errorf("durin: import: a mark of %s has at most %d bytes", r.Source, maxMarkBytes)
	case len(r.Person) > maxKeyBytes || !IsText(r.Person):
		return fmt.Errorf("durin: import: a key of %s has 1 to %d bytes", transfer.PersonSource, maxKeyBytes)
	case kinds != 1:
		return fmt.Errorf("durin: import: %s %s is not one of client, user, token and known", r.Source, r.Key)
	case r.Token != nil && r.Token.ID < 0:
		return fmt.Errorf("durin: import: %s %s: a token id is above zero", r.Source, r.Key)
	case r.Token != nil && r.Token.Legacy != nil && r.Token.Digest != transfer.Placeholder(*r.Token.Legacy):
		return fmt.Errorf("durin: import: %s %s: the digest is not the placeholder", r.Source, r.Key)
	}
	return nil
}

// CheckFilter reports a filter that selects by nothing: no store ends everything
// for want of a word.
func CheckFilter(f browse.Filter) error {
	if f.UserID == "" && f.Client == "" && f.State == browse.Any {
		return &durin.FieldError{Field: "filter", Message: "It selects every session, and would end them all: name a user, a client or a state."}
	}
	return nil
}

// ByExpiry reports whether the sessions of f come by their expiry.
func ByExpiry(f browse.Filter) bool {
	return f.State == browse.Expired || f.State == browse.Live && !f.ExpiresBefore.IsZero()
}

// Day is the midnight in UTC before t.
func Day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }
