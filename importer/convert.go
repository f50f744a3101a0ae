package importer

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/phc"
	"github.com/durin-go/durin/internal/span"
	"github.com/durin-go/durin/internal/tokenrule"
	"github.com/durin-go/durin/throttle"
	"github.com/durin-go/durin/transfer"
)

// highestID is the highest id that is kept. A store that counts on above one
// near the end of its numbers would soon have none left.
const highestID = 1 << 62

// An item is a row of the dump on its way to the store.
type item struct {
	number int
	model  string
	key    string // for people; never a secret
	faults []string
	mends  []string
	// As the record's.
	naive, clamped bool

	row transfer.Row
	// Of a user.
	pk, name string
	kind     phc.Kind
	demoted  bool // a superuser who is not active, and becomes no administrator
	// Of a token.
	user, client reference
	secret       durin.Secret
	source       string // the library that it is of, if not django-rest-durin
	reuse        bool   // its client hands it out again
	// fresh says that the user or the client is taken by this very import,
	// which a rehearsal's store does not know of.
	fresh bool
}

func newItem(r *record) *item {
	return &item{number: r.number, model: r.model, key: r.pk, faults: r.faults, mends: r.mends, pk: r.pk, naive: r.naive, clamped: r.clamped}
}

func (it *item) fault(format string, args ...any) {
	it.faults = append(it.faults, fmt.Sprintf(format, args...))
}

func (it *item) mend(format string, args ...any) {
	it.mends = append(it.mends, fmt.Sprintf(format, args...))
}

// faultsOf notes what a Validate of the root package found.
func (it *item) faultsOf(err error) {
	if err == nil {
		return
	}
	faults := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		faults = joined.Unwrap()
	}
	for _, fault := range faults {
		it.fault("%s", fault)
	}
}

// user reads a row of Django's user model, or of the project's own.
func (o *Options) user(r *record) *item {
	u := durin.User{
		Name:      r.name(o.UserNameField),
		Password:  r.text("password"),
		Active:    r.flag(o.ActiveField, true),
		Admin:     r.flag("is_superuser", false),
		Created:   r.optionalInstant("date_joined"),
		LastLogin: r.optionalInstant("last_login"),
	}
	superuser := u.Admin
	u.Admin = superuser && u.Active
	if _, given := r.fields[o.ActiveField]; !given && r.model == defaultUserModel {
		r.fault(o.ActiveField + " is missing")
	}
	it := newItem(r)
	it.name, it.demoted = u.Name, superuser && !u.Admin
	if n, whole := number(r.pk); whole {
		if n > 0 && n <= highestID {
			u.ID = r.pk
		} else {
			it.mend("the id %s cannot be kept: the user gets another one", r.pk)
		}
	}
	if len(it.faults) == 0 {
		it.faultsOf(u.Validate())
	}
	it.password(&u)
	it.row.User = &u
	return it
}

// password judges the hash. What can never be verified becomes unusable.
func (it *item) password(u *durin.User) {
	hash, err := phc.Parse(u.Password)
	it.kind = hash.Kind
	switch {
	case u.Password == "" || errors.Is(err, phc.ErrUnusable):
		it.kind = phc.Unusable
		if !strings.HasPrefix(u.Password, "!") {
			u.Password = "!"
		}
	case err != nil:
		it.mend("no password can be right any more, the user has to get a new one: %s", err)
		u.Password = "!"
	}
}

// client reads a row of durin.client.
func (o *Options) client(r *record, now time.Time) *item {
	c := durin.Client{Name: r.text("name"), Policy: durin.PolicyReuse, Created: now}
	ttl, rate := r.text("token_ttl"), r.optionalText("throttle_rate")
	it := newItem(r)
	if n, whole := number(r.pk); whole {
		if n > 0 && n <= highestID {
			c.ID = n
		} else {
			it.mend("the id %s cannot be kept: the client gets another one", r.pk)
		}
	}
	it.name = c.Name
	if len(it.faults) == 0 {
		c.TTL = it.lifeTime(ttl, o.DefaultTTL)
		c.Rate = it.rate(rate)
		it.faultsOf(c.Validate())
	}
	it.row.Client = &c
	return it
}

// lifeTime reads a duration as Django writes it.
func (it *item) lifeTime(text string, other time.Duration) time.Duration {
	ttl, err := span.Parse(text)
	switch {
	case errors.Is(err, span.ErrTooLong) && !strings.HasPrefix(strings.TrimSpace(text), "-"):
		it.mend("the life time is longer than 292 years: its tokens never expire")
		return durin.Never
	case err != nil && !errors.Is(err, span.ErrTooLong):
		it.fault("token_ttl is not a duration like 14 00:00:00")
		return other
	case err != nil || ttl < time.Microsecond:
		it.mend("the life time is not above zero: it becomes the default, %s", span.Format(other))
		return other
	}
	return ttl
}

// rate reads a throttle rate. As in django-rest-durin a number below zero lets
// nothing through.
func (it *item) rate(text string) durin.Rate {
	rate, err := throttle.ParseRate(text)
	if err == nil {
		return rate
	}
	if rest, negative := strings.CutPrefix(strings.TrimSpace(text), "-"); negative && !strings.HasPrefix(rest, "+") {
		if rate, err := throttle.ParseRate(rest); err == nil && rate.IsSet() {
			it.mend("the throttle rate %s is negative: it becomes %s, which blocks", text, durin.Rate{Period: rate.Period})
			return durin.Rate{Period: rate.Period}
		}
	}
	it.mend("the throttle rate %s cannot be read: it becomes empty, which means the DEFAULT RATE, AND THAT MAY BE NONE", brief(text))
	return durin.Rate{}
}

// brief quotes the beginning of a text for a message.
func brief(text string) string {
	const most = 40
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return strconv.Quote(text)
}

// token reads a row of durin.authtoken.
func (o *Options) token(r *record) *item {
	t := &transfer.Token{Created: r.instant("created"), ExpiresAt: r.instant("expiry")}
	secret := r.text("token")
	user, client := r.userReference("user"), r.reference("client")
	it := newItem(r)
	it.user, it.client = user, client
	if n, whole := number(r.pk); whole && n > 0 && n <= highestID {
		t.ID = n
	} else if whole {
		it.mend("the id %s cannot be kept: the token gets another one", r.pk)
	} else {
		it.key = "" // whatever it is, it may be a secret
	}
	it.clear(secret, t)
	it.row.Token = t
	return it
}

// maxToken is the longest token that a request can bear, in bytes.
const maxToken = 256

// clear notes the clear token of t.
func (it *item) clear(secret string, t *transfer.Token) {
	if len(it.faults) > 0 {
		return
	}
	usable := len(secret) > 0 && len(secret) <= maxToken
	for _, c := range []byte(secret) {
		usable = usable && c > ' ' && c < 0x7f
	}
	if !usable {
		it.fault("the token cannot be sent in a header: it is not 1 to %d visible ASCII characters", maxToken)
		return
	}
	it.secret = durin.Secret(secret)
	t.Digest = it.secret.Digest()
	t.Device = tokenrule.Device(t.Device)
}
