package importer

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/span"
	"github.com/durin-go/durin/throttle"
	"github.com/durin-go/durin/transfer"
)

// The form of an export: one JSON object a line, of one key that says what it
// is. First "durin", then clients, users, tokens and what earlier imports took,
// in this order, and "end" with the number of each: without it the file is cut
// off. Instants are RFC 3339 in UTC, in microseconds; one that is left out was
// not, or is never. Spans are microseconds; null is never, 0 is not set.

// exportFormat is the version of the form. A reader takes its own and lower ones.
const exportFormat = 2

type exportLine struct {
	Header *exportHeader `json:"durin,omitempty"`
	Client *clientForm   `json:"client,omitempty"`
	User   *userForm     `json:"user,omitempty"`
	Token  *tokenForm    `json:"token,omitempty"`
	Taken  *takenForm    `json:"taken,omitempty"`
	End    *exportEnd    `json:"end,omitempty"`
}

type exportHeader struct {
	Format   int       `json:"format"`
	Origin   string    `json:"origin"`
	Exported time.Time `json:"exported"`
}

type exportEnd struct {
	Clients int `json:"clients"`
	Users   int `json:"users"`
	Tokens  int `json:"tokens"`
	Taken   int `json:"taken"`
}

// A spanForm is a durin.Client's span in microseconds.
type spanForm *int64

type clientForm struct {
	ID          int64     `json:"id"`
	Name        string    `json:"name"`
	TTL         spanForm  `json:"ttl"`
	Rate        string    `json:"rate,omitempty"`
	Policy      string    `json:"policy"`
	MaxTokens   int       `json:"max_tokens,omitempty"`
	Sliding     int64     `json:"sliding,omitempty"`
	MaxLife     spanForm  `json:"max_life"`
	Rotate      int64     `json:"rotate,omitempty"`
	NoPassword  bool      `json:"no_password,omitempty"`
	Cookie      bool      `json:"cookie,omitempty"`
	Description string    `json:"description,omitempty"`
	Created     time.Time `json:"created,omitzero"`
}

type userForm struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Password  string    `json:"password"` // the hash
	Active    bool      `json:"active"`
	Admin     bool      `json:"admin,omitempty"`
	Created   time.Time `json:"created,omitzero"`
	LastLogin time.Time `json:"last_login,omitzero"`
}

type tokenForm struct {
	ID       int64     `json:"id"`
	Digest   string    `json:"sha256,omitempty"`
	Legacy   string    `json:"sha512,omitempty"` // in the place of sha256
	Seal     string    `json:"seal,omitempty"`   // base64
	User     string    `json:"user"`             // the id
	Client   string    `json:"client"`           // the name
	Created  time.Time `json:"created,omitzero"`
	Issued   time.Time `json:"issued,omitzero"`
	Expires  time.Time `json:"expires,omitzero"`
	Ceiling  time.Time `json:"ceiling,omitzero"` // of expires; none where it is left out
	LastUsed time.Time `json:"last_used,omitzero"`
	Device   string    `json:"device,omitempty"`
	Address  string    `json:"address,omitempty"`
	Agent    string    `json:"agent,omitempty"`
}

type takenForm struct {
	Source string `json:"source"`
	Key    string `json:"key"`
	ID     int64  `json:"id"`
	Mark   string `json:"mark,omitempty"` // see transfer.Row
}

// writable is t as the form has it: four digits for the year, whatever the store
// holds.
func writable(t time.Time) time.Time { return span.Writable(t, time.UTC) }

func spanOf(d time.Duration) spanForm {
	if d == durin.Never {
		return nil
	}
	n := d.Microseconds()
	return &n
}

func durationOf(s spanForm) time.Duration {
	if s == nil {
		return durin.Never
	}
	return time.Duration(*s) * time.Microsecond
}

func formOfClient(c durin.Client) *clientForm {
	return &clientForm{
		ID: c.ID, Name: c.Name, TTL: spanOf(c.TTL), Rate: c.Rate.String(), Policy: string(c.Policy), MaxTokens: c.MaxTokens,
		Sliding: c.Sliding.Microseconds(), MaxLife: spanOf(c.MaxLife), Rotate: c.Rotate.Microseconds(), NoPassword: c.NoPassword, Cookie: c.Cookie,
		Description: c.Description, Created: writable(c.Created),
	}
}

func (f *clientForm) client() (durin.Client, error) {
	rate, err := throttle.ParseRate(f.Rate)
	return durin.Client{
		ID: f.ID, Name: f.Name, TTL: durationOf(f.TTL), Rate: rate, Policy: durin.Policy(f.Policy), MaxTokens: f.MaxTokens,
		Sliding: time.Duration(f.Sliding) * time.Microsecond, MaxLife: durationOf(f.MaxLife), Rotate: time.Duration(f.Rotate) * time.Microsecond, NoPassword: f.NoPassword, Cookie: f.Cookie,
		Description: f.Description, Created: f.Created,
	}, err
}

func formOfUser(u durin.User) *userForm {
	return &userForm{ID: u.ID, Name: u.Name, Password: u.Password, Active: u.Active, Admin: u.Admin, Created: writable(u.Created), LastLogin: writable(u.LastLogin)}
}

func (f *userForm) user() durin.User {
	return durin.User{ID: f.ID, Name: f.Name, Password: f.Password, Active: f.Active, Admin: f.Admin, Created: f.Created, LastLogin: f.LastLogin}
}

func formOfToken(t transfer.Token) *tokenForm {
	f := &tokenForm{
		ID: t.ID, Seal: base64.StdEncoding.EncodeToString(t.Seal), User: t.UserID, Client: t.Client,
		Created: writable(t.Created), Issued: writable(t.IssuedAt), Expires: writable(t.ExpiresAt), Ceiling: writable(t.Ceiling), LastUsed: writable(t.LastUsed),
		Device: t.Device.Name, Address: t.Device.Address, Agent: t.Device.Agent,
	}
	if t.Legacy != nil {
		f.Legacy = hex.EncodeToString(t.Legacy[:])
	} else {
		f.Digest = t.Digest.String()
	}
	return f
}

func (f *tokenForm) token() (*transfer.Token, error) {
	t := &transfer.Token{
		ID: f.ID, UserID: f.User, Client: f.Client, Created: f.Created, IssuedAt: f.Issued, ExpiresAt: f.Expires, Ceiling: f.Ceiling, LastUsed: f.LastUsed,
		Device: durin.Device{Name: f.Device, Address: f.Address, Agent: f.Agent},
	}
	var err error
	if t.Seal, err = base64.StdEncoding.DecodeString(f.Seal); err != nil {
		return nil, errors.New("the seal is not base64")
	}
	if len(t.Seal) == 0 {
		t.Seal = nil
	}
	digest, err1 := hex.DecodeString(f.Digest)
	legacy, err2 := hex.DecodeString(f.Legacy)
	switch {
	case err1 != nil || err2 != nil || (len(digest) == 0) == (len(legacy) == 0):
		return nil, errors.New("it has not one of sha256 and sha512, in hexadecimal")
	case len(digest) == len(t.Digest):
		t.Digest = durin.Digest(digest)
	case len(legacy) == len(transfer.LegacyDigest{}):
		l := transfer.LegacyDigest(legacy)
		t.Legacy, t.Digest = &l, transfer.Placeholder(l)
	default:
		return nil, errors.New("its digest has not the right length")
	}
	if t.ID < 0 || t.ID > highestID {
		return nil, fmt.Errorf("the id %d cannot be kept", t.ID)
	}
	return t, nil
}

// key is what ledgers know the token by.
func (f *tokenForm) key() string {
	if t, err := f.token(); err == nil {
		return t.Digest.String()
	}
	return ""
}
