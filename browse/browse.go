// Package browse has the questions that a durin.Guard can be asked about what its
// store keeps, and the counts that are among the answers.
//
//	live, err := guard.Sessions(ctx, browse.Query{UserID: id, State: browse.Live, Now: time.Now()})
package browse

import "time"

// State selects sessions by expiry.
type State int

const (
	Any State = iota
	Live
	Expired
)

// A Query asks for sessions; every field that is set must hold.
type Query struct {
	ID     int64
	UserID string
	Client string // by name
	State  State  // at Now
	Now    time.Time
	// After is the ID to go on behind. Results come by ID, upwards; with
	// Newest downwards, and After is then an upper bound.
	After  int64
	Newest bool
	Limit  int // zero: 1,000
}

// A Filter selects sessions to look at; every field that is set must hold.
// They come newest first, by ID; expired ones by their expiry, latest first; those
// with ExpiresBefore by their expiry, soonest first.
type Filter struct {
	UserID string
	Client string // by name
	State  State  // at Now
	Now    time.Time
	// ExpiresBefore selects those of the Live that run out before this instant.
	ExpiresBefore time.Time
	Except        int64 // the ID of a session to leave out
}

// A Cursor is a place in a list of sessions: behind the one with that ID and
// expiry. The zero Cursor is the beginning.
type Cursor struct {
	ID        int64
	ExpiresAt time.Time
}

// Users selects users; every field that is set must hold.
type Users struct {
	Prefix   string // of the name, compared byte by byte
	Admin    bool   // administrators only
	Inactive bool   // deactivated ones only
}

// A Batch names counts that are added together. A store that has added it before
// adds nothing: whoever did not hear how a call ended makes it again. It is known
// for two days from At. The zero Batch is none, and always added.
type Batch struct {
	ID [16]byte  // random
	At time.Time // when it was first to be added
}

// Activity counts what went through a client on a day (UTC); with a ClientID of
// zero, what belongs to none: refusals and failures.
type Activity struct {
	Day       time.Time // midnight
	ClientID  int64
	Requests  int64 // let through by the check
	Throttled int64 // of them refused by a throttle
	Logins    int64 // by password
	Refused   int64 // requests whose token was not good
	Failed    int64 // logins with wrong credentials
}

// Usage counts what a user did through a client on a day (UTC).
type Usage struct {
	Day       time.Time // midnight
	UserID    string
	ClientID  int64
	Requests  int64 // let through by the check
	Throttled int64 // of them refused by a throttle
}
