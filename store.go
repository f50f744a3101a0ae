package durin

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/durin-go/durin/browse"
)

// A Store keeps clients and tokens. Packages memstore and sqlstore are two;
// package storetest tells whether another one keeps the contract:
//
//   - Every method is one atomic unit of work, safe for concurrent use by any
//     number of goroutines and processes, and retries by itself what its engine
//     asks to retry (a deadlock, a serialization failure).
//   - When ctx ends the method returns soon, with ctx's error; what it had
//     begun then either happened whole or not at all.
//   - No method reads a clock: every instant is an argument. Instants are kept
//     in UTC, cut to microseconds.
//   - Values go in and out as copies; no returned memory changes later.
//   - A row that is not there is ErrNotFound, a taken name or key ErrExists,
//     both wrapped. Any other error means that the store could not do its work,
//     and that nothing is known of the row.
//   - A method that ends sessions, or changes what a check would say of them,
//     returns the digests concerned, exactly and whatever happens concurrently:
//     caches forget those and no others. A digest that it returns is refused, or
//     read afresh, from the moment of the return. A store that several processes
//     share writes them to its outbox in the same transaction (see nodes.Outbox).
//   - Names and digests compare byte by byte.
type Store interface {
	// CreateClient adds c and returns it with its ID; a c.ID that is not
	// zero is kept. ErrExists if the name or id is taken.
	CreateClient(ctx context.Context, c Client) (Client, error)

	// UpdateClient reads the client called name, lets change alter it, and
	// writes it. change may be called more than once; its error ends the
	// method and is returned. ID and Created cannot be changed. Sessions of
	// the client are concerned as a whole: forget them by Client.ID.
	// ErrNotFound; ErrExists if the new name is taken.
	UpdateClient(ctx context.Context, name string, now time.Time, change func(*Client) error) (Client, error)

	// DeleteClient deletes the client called name and every token of it,
	// and returns the client as it was: forget its sessions by Client.ID.
	// A token that is being issued for it meanwhile does not survive.
	DeleteClient(ctx context.Context, name string, now time.Time) (Client, error)

	// ClientByName returns the client called name.
	ClientByName(ctx context.Context, name string) (Client, error)

	// Clients returns all clients, by name.
	Clients(ctx context.Context) ([]Client, error)

	// Issue hands out a token for a user and a client by the client's
	// policy. Under any concurrency at most the policy's number of live
	// tokens remains, and no call fails because of another.
	Issue(ctx context.Context, t NewToken) (IssuedToken, error)

	// Lookup returns the session of a token for a check: expired ones and
	// those of inactive users too, without a Device. It is on the path of
	// every uncached request: one query. A token that Rotate replaced is
	// returned with its own Digest, with ReplacedBy, and with the end of its
	// grace as ExpiresAt, past or not. ErrNotFound.
	Lookup(ctx context.Context, d Digest) (Session, error)

	// Sessions returns the sessions that q asks for, with their Device.
	Sessions(ctx context.Context, q browse.Query) ([]Session, error)

	// Renew sets the expiry of a live token to Session.ExpiryAfter(now), by its
	// client as it is in the store, and returns the session.
	// ErrNotFound if there is no such token or it has expired.
	Renew(ctx context.Context, d Digest, now time.Time) (Session, error)

	// Rotate is Renew for the owner of the token. If the client says so
	// (Client.Rotate) r.Successor takes the token's place in the session,
	// which stays the same in all else: ID, Created, IssuedAt, Device. The
	// token is then good for the grace, and known as replaced for as long as
	// it could have lived. Of a token in its grace the present one is
	// returned, with its Seal and without a change; of a session that has
	// been rotated tokenrule.MaxReplaced times within that, the token stays.
	// ErrNotFound if there is no such token or it, its session or its grace
	// has run out.
	Rotate(ctx context.Context, r Rotation) (Rotated, error)

	// ForgetReplaced takes away what Rotate has left behind and nobody needs
	// at now any more: seals whose grace is over, and replaced tokens that
	// could not have lived until now.
	ForgetReplaced(ctx context.Context, now time.Time) error

	// End deletes the tokens that sel selects and returns their digests, and
	// those of replaced tokens of the same sessions that are in their grace
	// at now. So do all methods that end sessions, or change what a check
	// would say of them. A Selection.Digest of a replaced token selects its
	// session. No match is no error. An empty selection is an error.
	End(ctx context.Context, sel Selection, now time.Time) ([]Digest, error)

	// MarkUser tells the outbox that what a check says of the user's
	// tokens may have changed, changes nothing, and returns their digests:
	// for users that the application keeps elsewhere.
	MarkUser(ctx context.Context, userID string, now time.Time) ([]Digest, error)

	// Prune deletes at most limit tokens that expired before the given
	// instant (imported ones: and were imported before it), and what else
	// is no longer needed, in a way that no lock is held for long. It
	// returns how many tokens it deleted. Only dead tokens go, so no digest
	// is returned. With a limit of zero no token goes.
	Prune(ctx context.Context, before time.Time, limit int) (int, error)

	// Touch notes uses. Each Use updates at most one row; rows that are
	// gone stay gone. An Extend later than the present expiry becomes the
	// expiry, provided that the token was live at Use.At and that it is not
	// beyond the token's ceiling.
	Touch(ctx context.Context, uses []Use) error

	// AddUsage adds to the counts of the day, user and client, unless it has
	// added the batch before.
	AddUsage(ctx context.Context, batch browse.Batch, usage []browse.Usage) error

	// Usage returns the counts from day since on, at most limit rows, most
	// requests first. An empty userID or a zero clientID is any.
	Usage(ctx context.Context, since time.Time, userID string, clientID int64, limit int) ([]browse.Usage, error)

	// Seals returns at most limit tokens that have a seal, with ID above
	// after, by ID.
	Seals(ctx context.Context, after int64, limit int) ([]Sealed, error)

	// Reseal replaces the seal of the token d, if the token is there and its
	// seal is still old. It reports whether it did.
	Reseal(ctx context.Context, d Digest, old, new []byte) (bool, error)

	// Ping reports whether the store can do its work now.
	Ping(ctx context.Context) error
}

// NewToken is what Store.Issue is asked for.
type NewToken struct {
	UserID string
	Client string // the client's name; ErrUnknownClient if there is none
	// Owned says that the user is one of the store's own: it must exist and
	// be active, else ErrInactive.
	Owned bool
	// Password says that the token is for a log-in by password:
	// ErrUnknownClient if the client is closed to those.
	Password bool
	// SignIn says that the user has proven who it is, in whatever way: an
	// owned user's LastLogin becomes Now.
	SignIn bool
	// Digest and Seal are of the new token, used unless another one is
	// handed out again. The store keeps the Seal only under PolicyReuse or
	// with KeepSeal.
	Digest   Digest
	Seal     []byte
	KeepSeal bool
	Device   Device
	Now      time.Time
	// TTL overrides the client's for this token; zero does not. Unless it is
	// Never, Now plus TTL is the token's Ceiling, also of one that is handed out
	// again and has none that is earlier: its expiry comes earlier with it, and
	// it counts as renewed if that changes anything.
	TTL time.Duration
	// PasswordHash, when set, is what the Password of an owned user must still
	// be, compared where nobody can change it until the token is there: else
	// ErrPasswordChanged. The user's LastLogin becomes Now.
	PasswordHash string
	// Single refuses with ErrKeyExists when the user has a live token of
	// the client, whatever the policy.
	Single bool
	// RenewReused sets the expiry of a token that is handed out again, as a
	// renewal does.
	RenewReused bool
	// NoReuse treats PolicyReuse as PolicyReplace: nothing can open seals.
	NoReuse bool
	// Lost is a token whose seal could not be opened: PolicyReuse ends it
	// rather than hand it out.
	Lost Digest
}

// IssuedToken is what Store.Issue did.
type IssuedToken struct {
	Session Session // of the token that is handed out
	Reused  bool    // it was there before
	Renewed bool    // its expiry was set anew
	Seal    []byte  // of a reused token
	// Ended are the digests of tokens that made room.
	Ended []Digest
}

// Rotation is what Store.Rotate is asked for.
type Rotation struct {
	// Digest is of the token that was presented.
	Digest Digest
	Now    time.Time
	// Successor and Seal are of the token that takes its place, if one does.
	Successor Digest
	Seal      []byte
	// Lost is a present token whose seal could not be opened: Successor takes
	// its place, rather than that it is handed out.
	Lost Digest
}

// Rotated is what Store.Rotate did.
type Rotated struct {
	Session Session // with the digest of its present token
	New     bool    // which is Rotation.Successor
	Seal    []byte  // of the present token, where another renewal made it
	// Changed are the digests of which a check would say something else now.
	Changed []Digest
}

// Sealed is a token's seal, with what names it.
type Sealed struct {
	ID     int64
	Digest Digest
	Seal   []byte
}

// A Selection says which tokens to end; every field that is set must hold.
type Selection struct {
	ID     int64
	Digest Digest
	UserID string
	Client string // by name
	Except int64  // the ID of a session to keep
	// Spare is the name of a client to keep the sessions of, like that of API
	// keys. There need be no such client.
	Spare string
}

// A Use is what was gathered of a token's use.
type Use struct {
	Digest Digest
	At     time.Time // the last use
	Extend time.Time // sliding expiry: the new one; zero: none
}

// UserStore keeps users, for programs that have no users table of their own.
// It is implemented by a Store, and keeps a Store's contract.
type UserStore interface {
	// CreateUser adds u and returns it with its ID: the one it has, or the
	// next above the highest. ErrExists if the name or id is taken.
	CreateUser(ctx context.Context, u User) (User, error)
	// UserByName returns the user called name.
	UserByName(ctx context.Context, name string) (User, error)
	// UsersByFold returns at most limit users whose names have the same
	// FoldName as name, in any order; zero is 1,000.
	UsersByFold(ctx context.Context, name string, limit int) ([]User, error)
	// UserByID returns the user with that id. An id of another form is
	// ErrNotFound.
	UserByID(ctx context.Context, id string) (User, error)
	// Users returns at most limit users with a name after the given one, by
	// name in byte order; zero is 1,000.
	Users(ctx context.Context, after string, limit int) ([]User, error)
	// UpdateUser reads, changes and writes the user, as
	// Store.UpdateClient, and returns the digests of all its tokens: what
	// a check says of them may have changed.
	UpdateUser(ctx context.Context, id string, now time.Time, change func(*User) error) (User, []Digest, error)
	// SetPassword replaces the hash, if it is still old. It reports whether
	// it did. No session is concerned.
	SetPassword(ctx context.Context, id, old, new string) (bool, error)
	// DeleteUser deletes the user and its tokens. A token that is being
	// issued for it meanwhile does not survive.
	DeleteUser(ctx context.Context, id string, now time.Time) (User, []Digest, error)
}

// A Browser is a Store that answers the questions of people who look through
// it, by a Store's contract. No answer takes longer because there is much in the
// store that was not asked for.
type Browser interface {
	// Browse returns at most limit sessions of f behind the cursor, with their
	// Device.
	Browse(ctx context.Context, f browse.Filter, after browse.Cursor, limit int) ([]Session, error)
	// CountSessions counts the sessions of f, and stops at limit.
	CountSessions(ctx context.Context, f browse.Filter, limit int) (int, error)
	// EndSome ends at most limit sessions of f, as Store.End does. An empty
	// filter is an error.
	EndSome(ctx context.Context, f browse.Filter, limit int, now time.Time) ([]Digest, error)
	// FindUsers returns at most limit users of f with a name after the given
	// one, by name in byte order. A Store without users returns none.
	FindUsers(ctx context.Context, f browse.Users, after string, limit int) ([]User, error)

	// AddActivity adds to the counts of the day and client, unless it has added
	// the batch before.
	AddActivity(ctx context.Context, batch browse.Batch, rows []browse.Activity) error
	// Activity returns the counts from day since on, by day, then client.
	Activity(ctx context.Context, since time.Time) ([]browse.Activity, error)
	// UsageOn returns at most limit counts of one day, most requests first.
	UsageOn(ctx context.Context, day time.Time, limit int) ([]browse.Usage, error)
}

// A ResourceServerStore is a Store that keeps resource servers, by a Store's
// contract.
type ResourceServerStore interface {
	// CreateResourceServer adds s and returns it with its ID. ErrExists if
	// there is one with that digest.
	CreateResourceServer(ctx context.Context, s ResourceServer) (ResourceServer, error)
	// ResourceServers returns all, those that have run out too, by name, then
	// ID.
	ResourceServers(ctx context.Context) ([]ResourceServer, error)
	// DeleteResourceServer deletes one. ErrNotFound.
	DeleteResourceServer(ctx context.Context, id int64) error
}

// A ResourceServer is the right of another service of yours to ask about tokens
// (RFC 7662) and to end them (RFC 7009), by a random secret. A server
// may have several valid secrets, for rotation: add the new one under the same name,
// give it to the service, delete the old one.
type ResourceServer struct {
	// ID is given by the Store.
	ID int64
	// Name is 1 to 64 ASCII letters, digits, dots, dashes and underscores.
	Name string
	// Digest is the SHA-256 of the secret.
	Digest Digest
	// Created is when it was made, Expires the last instant at which the secret
	// is good; the zero Time: never.
	Created, Expires time.Time
}

// Validate reports every fault of s, joined; each is a *FieldError.
func (s ResourceServer) Validate() error {
	var faults []error
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	}
	if s.Name == "" || len(s.Name) > 64 || strings.ContainsFunc(s.Name, odd) {
		faults = append(faults, &FieldError{"name", "A resource server's name has 1 to 64 letters, digits, dots, dashes and underscores."})
	}
	if s.Digest == (Digest{}) {
		faults = append(faults, &FieldError{"digest", "There is no secret."})
	}
	return errors.Join(faults...)
}
