package tokenrule_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/tokenrule"
	"github.com/durin-go/durin/transfer"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 89_000, time.UTC)

func digest(b byte) durin.Digest { return durin.Digest{b} }

// row is a sealed one, issued id minutes after a fixed instant, with ten hours
// to live.
func row(id int64, change ...func(*tokenrule.Row)) tokenrule.Row {
	r := tokenrule.Row{
		ID: id, Digest: digest(byte(id)), HasSeal: true,
		IssuedAt:  now.Add(-time.Hour + time.Duration(id)*time.Minute),
		ExpiresAt: now.Add(10 * time.Hour),
	}
	for _, f := range change {
		f(&r)
	}
	return r
}

func unsealed(r *tokenrule.Row) { r.HasSeal = false }
func expired(r *tokenrule.Row)  { r.ExpiresAt = now.Add(-time.Microsecond) }
func lastly(r *tokenrule.Row)   { r.ExpiresAt = now }
func forever(r *tokenrule.Row)  { r.ExpiresAt = time.Time{} }
func sameTime(r *tokenrule.Row) { r.IssuedAt = now }

func TestDecide(t *testing.T) {
	type rows = []tokenrule.Row
	hour := durin.Client{Name: "web", TTL: time.Hour}
	with := func(change func(*durin.Client)) durin.Client { c := hour; change(&c); return c }
	limited := func(p durin.Policy, n int) durin.Client {
		return with(func(c *durin.Client) { c.Policy, c.MaxTokens = p, n })
	}
	replace := with(func(c *durin.Client) { c.Policy = durin.PolicyReplace })
	for _, test := range []struct {
		name   string
		client durin.Client
		token  durin.NewToken
		rows   rows

		err     error
		reused  int64
		renewed bool
		shorter bool
		expiry  time.Time
		end     []int64
	}{
		{name: "first", client: hour, expiry: now.Add(time.Hour)},
		{name: "own life time", client: hour, token: durin.NewToken{TTL: time.Minute}, expiry: now.Add(time.Minute)},
		{name: "life time of never", client: hour, token: durin.NewToken{TTL: durin.Never}},
		{name: "reuse", client: hour, rows: rows{row(1)}, reused: 1, expiry: now.Add(10 * time.Hour)},
		{name: "reuse at the last instant", client: hour, rows: rows{row(1, lastly)}, reused: 1, expiry: now},
		{name: "reuse of an expired one", client: hour, rows: rows{row(1, expired)}, expiry: now.Add(time.Hour), end: []int64{1}},
		{name: "reuse without a seal", client: hour, rows: rows{row(1, unsealed)}, expiry: now.Add(time.Hour), end: []int64{1}},
		{name: "reuse of the newest that can be shown", client: hour,
			rows: rows{row(5), row(7, unsealed), row(6), row(9, expired), row(8)}, token: durin.NewToken{Lost: digest(8)},
			reused: 6, expiry: now.Add(10 * time.Hour), end: []int64{5, 7, 8, 9}},
		{name: "same instant", client: hour, rows: rows{row(3, sameTime), row(4, sameTime), row(2, sameTime)},
			reused: 4, expiry: now.Add(10 * time.Hour), end: []int64{2, 3}},
		{name: "reuse of a lost one", client: hour, rows: rows{row(1)}, token: durin.NewToken{Lost: digest(1)},
			expiry: now.Add(time.Hour), end: []int64{1}},
		{name: "reuse renewed", client: hour, rows: rows{row(1)}, token: durin.NewToken{RenewReused: true},
			reused: 1, renewed: true, shorter: true, expiry: now.Add(time.Hour)},
		{name: "reuse renewed from never", client: hour, rows: rows{row(1, forever)}, token: durin.NewToken{RenewReused: true},
			reused: 1, renewed: true, shorter: true, expiry: now.Add(time.Hour)},
		{name: "reuse renewed to later", client: hour, rows: rows{row(1, lastly)}, token: durin.NewToken{RenewReused: true},
			reused: 1, renewed: true, expiry: now.Add(time.Hour)},
		{name: "reuse renewed up to the cap", client: with(func(c *durin.Client) { c.MaxLife = 90 * time.Minute }),
			rows: rows{row(1)}, token: durin.NewToken{RenewReused: true},
			reused: 1, renewed: true, shorter: true, expiry: now.Add(31 * time.Minute)},
		{name: "reuse beyond the cap", client: with(func(c *durin.Client) { c.MaxLife = time.Minute }),
			rows: rows{row(1)}, token: durin.NewToken{RenewReused: true}, expiry: now.Add(time.Minute), end: []int64{1}},
		{name: "reuse without a key", client: hour, rows: rows{row(1)}, token: durin.NewToken{NoReuse: true},
			expiry: now.Add(time.Hour), end: []int64{1}},
		{name: "replace", client: replace, rows: rows{row(2, expired), row(1)}, expiry: now.Add(time.Hour), end: []int64{1, 2}},
		{name: "evict below", client: limited(durin.PolicyEvict, 2), rows: rows{row(1, expired), row(2)}, expiry: now.Add(time.Hour)},
		{name: "evict", client: limited(durin.PolicyEvict, 2), rows: rows{row(4), row(3), row(2, expired), row(5)},
			expiry: now.Add(time.Hour), end: []int64{3, 4}},
		{name: "reject below", client: limited(durin.PolicyReject, 2), rows: rows{row(1), row(2, expired)}, expiry: now.Add(time.Hour)},
		{name: "reject", client: limited(durin.PolicyReject, 2), rows: rows{row(1), row(2)}, err: durin.ErrTooManyTokens},
		{name: "single", client: limited(durin.PolicyEvict, 5), rows: rows{row(1)}, token: durin.NewToken{Single: true}, err: durin.ErrKeyExists},
		{name: "single after an expired one", client: limited(durin.PolicyEvict, 5), rows: rows{row(1, expired)},
			token: durin.NewToken{Single: true}, expiry: now.Add(time.Hour), end: []int64{1}},
		{name: "password", client: with(func(c *durin.Client) { c.NoPassword = true }),
			token: durin.NewToken{Password: true}, err: durin.ErrUnknownClient},
		{name: "closed to passwords only", client: with(func(c *durin.Client) { c.NoPassword = true }), expiry: now.Add(time.Hour)},
		{name: "digest taken", client: replace, rows: rows{row(200)}, err: durin.ErrExists},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.token.Digest, test.token.Now = digest(200), now.Add(time.Nanosecond).Local()
			given := slices.Clone(test.rows)
			got, err := tokenrule.Decide(test.client, test.token, test.rows)
			if !errors.Is(err, test.err) {
				t.Fatalf("error is %v, want %v", err, test.err)
			}
			if !slices.Equal(given, test.rows) {
				t.Error("the caller's rows were changed")
			}
			var end []int64
			for _, r := range got.End {
				end = append(end, r.ID)
			}
			if got.Row.ID != test.reused || got.Reused != (test.reused != 0) || !slices.Equal(end, test.end) {
				t.Errorf("reuses %d, ends %v; want %d, %v", got.Row.ID, end, test.reused, test.end)
			}
			if got.Renewed != test.renewed || got.Shortened != test.shorter || got.ExpiresAt != test.expiry {
				t.Errorf("renewed %v, shortened %v, expires %v; want %v, %v, %v",
					got.Renewed, got.Shortened, got.ExpiresAt, test.renewed, test.shorter, test.expiry)
			}
		})
	}
}

func TestSeal(t *testing.T) {
	for _, test := range []struct {
		policy durin.Policy
		keep   bool
		seal   string
		want   string
	}{
		{"", false, "s", "s"}, {durin.PolicyReuse, false, "s", "s"}, {durin.PolicyReuse, false, "", ""},
		{durin.PolicyReplace, false, "s", ""}, {durin.PolicyEvict, false, "s", ""}, {durin.PolicyReject, false, "s", ""},
		{durin.PolicyReplace, true, "s", "s"}, {durin.PolicyEvict, true, "", ""},
	} {
		got := tokenrule.Seal(durin.Client{Policy: test.policy}, durin.NewToken{Seal: []byte(test.seal), KeepSeal: test.keep})
		if string(got) != test.want || (got == nil) != (test.want == "") {
			t.Errorf("%+v: %q", test, got)
		}
	}
}

func TestCheckSelection(t *testing.T) {
	if tokenrule.CheckSelection(durin.Selection{}) == nil || tokenrule.CheckSelection(durin.Selection{Except: 3}) == nil {
		t.Error("a selection of everything passes")
	}
	if err := tokenrule.CheckSelection(durin.Selection{UserID: "u", Except: 3}); err != nil {
		t.Error(err)
	}
}

func TestInstant(t *testing.T) {
	before := time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.FixedZone("", 3600))
	if got, want := tokenrule.Instant(before), time.Date(1969, 12, 31, 22, 59, 59, 999_999_000, time.UTC); got != want {
		t.Errorf("%v, want %v", got, want)
	}
	if got := tokenrule.Instant(time.Time{}.In(time.FixedZone("", 3600))); got != (time.Time{}) {
		t.Errorf("the zero time became %v", got)
	}
	if tokenrule.Duration(durin.Never) != durin.Never || tokenrule.Duration(1999) != 1000 {
		t.Error("durations are not cut to microseconds")
	}
}

func TestCheckUser(t *testing.T) {
	for id, fits := range map[string]bool{
		"u": true, strings.Repeat("x", 64): true, "": false, strings.Repeat("x", 65): false, "a\x00": false, "\xff": false,
	} {
		if err := tokenrule.CheckUser(id, false); (err == nil) != fits {
			t.Errorf("%q: %v", id, err)
		}
	}
	for id, fits := range map[string]bool{"1": true, "9223372036854775807": true,
		"9223372036854775808": false, "01": false, "+1": false, "0": false, "-1": false, "": false, "x": false} {
		if err := tokenrule.CheckUser(id, true); errors.Is(err, durin.ErrInactive) == fits {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestFaults(t *testing.T) {
	client := durin.Client{Name: "web", TTL: time.Hour}
	for name, change := range map[string]func(c *durin.Client, u *durin.User, k *transfer.Token){
		"client's id":   func(c *durin.Client, _ *durin.User, _ *transfer.Token) { c.ID = -1 },
		"client's name": func(c *durin.Client, _ *durin.User, _ *transfer.Token) { c.Name = "" },
		"user's name":   func(_ *durin.Client, u *durin.User, _ *transfer.Token) { u.Name = "" },
		"password":      func(_ *durin.Client, u *durin.User, _ *transfer.Token) { u.Password = "a\x00" },
		"token's id":    func(_ *durin.Client, _ *durin.User, k *transfer.Token) { k.ID = -1 },
		"":              func(*durin.Client, *durin.User, *transfer.Token) {},
	} {
		c, u, k := client, durin.User{Name: "ada"}, transfer.Token{}
		change(&c, &u, &k)
		_, clientErr := tokenrule.Client(c)
		_, userErr := tokenrule.User(u)
		importErr := tokenrule.CheckImport(transfer.Row{Source: "s", Key: "k", Token: &k})
		if faulty := errors.Join(clientErr, userErr, importErr) != nil; faulty != (name != "") {
			t.Errorf("%q: %v, %v, %v", name, clientErr, userErr, importErr)
		}
	}
	if id, err := tokenrule.NextID(math.MaxInt64 - 1); id != math.MaxInt64 || err != nil {
		t.Errorf("the last id is %d, %v", id, err)
	}
	if id, err := tokenrule.NextID(math.MaxInt64); err == nil {
		t.Errorf("the id behind the last is %d", id)
	}
}

func TestDevice(t *testing.T) {
	got := tokenrule.Device(durin.Device{Name: "a\x00b\xff", Address: "::1", Agent: strings.Repeat("x", 254) + "é"})
	want := durin.Device{Name: "a\uFFFDb\uFFFD", Address: "::1", Agent: strings.Repeat("x", 254)}
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzDevice(f *testing.F) {
	f.Add("Ada's laptop")
	f.Add(strings.Repeat("\xe2\x82", 200))
	f.Fuzz(func(t *testing.T, name string) {
		got := tokenrule.Device(durin.Device{Name: name}).Name
		if len(got) > 255 || !utf8.ValidString(got) || strings.ContainsRune(got, 0) {
			t.Errorf("%q became %q", name, got)
		}
		if tokenrule.IsText(name) && (!strings.HasPrefix(name, got) || len(name) > 255 && len(got) < 252) {
			t.Errorf("%q lost too much: %q", name, got)
		}
	})
}
