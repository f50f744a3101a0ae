package storetest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
)

func clientTests() []test {
	return []test{
		{"every field is kept", clientFields},
		{"forms of a value", clientForms},
		{"instants are cut", clientInstants},
		{"ids", clientIDs},
		{"names are exact", clientNames},
		{"bad names", clientBadNames},
		{"update", clientUpdate},
		{"update that fails", clientUpdateFails},
		{"update of what sessions say", clientUpdateSessions},
		{"delete", clientDelete},
	}
}

func clientFields(t *testing.T, s durin.Store) {
	want := fullClient("web")
	created := create(t, s, want)
	if created.ID < 1 {
		t.Fatalf("the client's id is %d", created.ID)
	}
	want.ID = created.ID
	filled(t, want)
	same(t, "created", created, want)
	got, err := s.ClientByName(t.Context(), "web")
	must(t, err)
	same(t, "by name", got, want)
	all, err := s.Clients(t.Context())
	must(t, err)
	same(t, "all", all, []durin.Client{want})
}

// clientForms writes values that are easily taken for one another.
func clientForms(t *testing.T, s durin.Store) {
	for name, change := range map[string]func(*durin.Client){
		"never":    func(c *durin.Client) { c.TTL = durin.Never },
		"shortest": func(c *durin.Client) { c.TTL = time.Microsecond },
		"century":  func(c *durin.Client) { c.TTL = 100 * 365 * 24 * time.Hour },
		"unset":    func(c *durin.Client) { c.Rate = durin.Rate{} },
		"blocked":  func(c *durin.Client) { c.Rate = durin.Rate{Period: time.Hour} },
		"second":   func(c *durin.Client) { c.Rate = durin.Rate{N: 1_000_000_000, Period: time.Second} },
		"day":      func(c *durin.Client) { c.Rate = durin.Rate{N: 1, Period: 24 * time.Hour} },
		"replace":  func(c *durin.Client) { c.Policy = durin.PolicyReplace },
		"reject":   func(c *durin.Client) { c.Policy, c.MaxTokens = durin.PolicyReject, 7 },
		"open":     func(c *durin.Client) { c.NoPassword = false },
		"long":     func(c *durin.Client) { c.Description = strings.Repeat("🦉", 1000) },
	} {
		want := web()
		want.Name = name
		change(&want)
		want.ID = create(t, s, want).ID
		got, err := s.ClientByName(t.Context(), name)
		must(t, err)
		same(t, name, got, want)
	}
	c := web()
	c.Policy = ""
	if got := create(t, s, c); got.Policy != "" && got.Policy != durin.PolicyReuse {
		t.Errorf("a client without a policy has got %q", got.Policy)
	}
}

func clientInstants(t *testing.T, s durin.Store) {
	c := web()
	c.Created, c.TTL = rough(start), time.Hour+999*time.Nanosecond
	got := create(t, s, c)
	same(t, "created", got.Created, start)
	same(t, "life time", got.TTL, time.Hour)
	again, err := s.ClientByName(t.Context(), c.Name)
	must(t, err)
	same(t, "by name", again, got)
}

func clientIDs(t *testing.T, s durin.Store) {
	named := func(name string, id int64) durin.Client { c := web(); c.Name, c.ID = name, id; return c }
	same(t, "id that was given", create(t, s, named("kept", 41)).ID, int64(41))
	next := create(t, s, named("next", 0))
	if next.ID <= 41 {
		t.Errorf("the next id is %d, not above 41", next.ID)
	}
	_, err := s.CreateClient(t.Context(), named("other", 41))
	refused(t, "taken id", err, durin.ErrExists)
	_, err = s.CreateClient(t.Context(), named("kept", 0))
	refused(t, "taken name", err, durin.ErrExists)
	_, err = s.DeleteClient(t.Context(), "next", start)
	must(t, err)
	if again := create(t, s, named("again", 0)); again.ID <= next.ID {
		t.Errorf("the id %d was given although %d was used before", again.ID, next.ID)
	}
}

// exactNames differ in what engines like to fold. They are in byte order.
var exactNames = []string{"WEB", "Web", "web", "web ", "web\u200b", "we\u0301b", "wéb"}

func clientNames(t *testing.T, s durin.Store) {
	for _, name := range slices.Backward(exactNames) {
		c := web()
		c.Name = name
		create(t, s, c)
	}
	all, err := s.Clients(t.Context())
	must(t, err)
	var names []string
	for _, c := range all {
		names = append(names, c.Name)
	}
	same(t, "in order", names, exactNames)
	for _, name := range []string{"wEB", "web  ", " web", "", "we", "web%"} {
		_, err := s.ClientByName(t.Context(), name)
		refused(t, name, err, durin.ErrNotFound)
	}
	for _, name := range exactNames {
		got, err := s.ClientByName(t.Context(), name)
		must(t, err)
		same(t, "name", got.Name, name)
		issued := issue(t, s, newToken(name, client(name)))
		same(t, "client of a token", issued.Session.Client.ID, got.ID)
	}
	one := sessions(t, s, browse.Query{Client: "web"})
	sameDigests(t, "sessions of web", digestsOf(one), "web")
	ended, err := s.End(t.Context(), durin.Selection{Client: "web "}, start)
	must(t, err)
	sameDigests(t, "ended of web with a blank", ended, "web ")
	_, err = s.DeleteClient(t.Context(), "wEb", start)
	refused(t, "delete", err, durin.ErrNotFound)
	_, err = s.DeleteClient(t.Context(), "Web", start)
	must(t, err)
	isThere(t, s, "WEB", "we\u0301b", "web", "web\u200b", "wéb")
}

var badNames = []string{"", "a\x00", "\x00", "a\xff", "\xed\xa0\x80", strings.Repeat("x", durin.MaxUserName+1)}

func clientBadNames(t *testing.T, s durin.Store) {
	create(t, s, web())
	issue(t, s, newToken("a"))
	for _, name := range badNames {
		c := web()
		c.Name = name
		if _, err := s.CreateClient(t.Context(), c); err == nil {
			t.Errorf("a client can be called %q", name)
		}
		if _, err := s.UpdateClient(t.Context(), "web", start, func(c *durin.Client) error { c.Name = name; return nil }); err == nil {
			t.Errorf("a client can be renamed to %q", name)
		}
		_, err := s.ClientByName(t.Context(), name)
		refused(t, "by name", err, durin.ErrNotFound)
		_, err = s.UpdateClient(t.Context(), name, start, func(*durin.Client) error { return nil })
		refused(t, "update", err, durin.ErrNotFound)
		_, err = s.DeleteClient(t.Context(), name, start)
		refused(t, "delete", err, durin.ErrNotFound)
		_, err = s.Issue(t.Context(), newToken("b", client(name)))
		refused(t, "issue", err, durin.ErrUnknownClient)
		if name == "" {
			continue
		}
		same(t, "sessions", len(sessions(t, s, browse.Query{Client: name})), 0)
		ended, err := s.End(t.Context(), durin.Selection{Client: name}, start)
		must(t, err)
		sameDigests(t, "ended", ended)
	}
	isThere(t, s, "a")
}

func clientUpdate(t *testing.T, s durin.Store) {
	c := create(t, s, web())
	other := web()
	other.Name = "other"
	other = create(t, s, other)
	want := fullClient("phone")
	want.ID, want.Created = c.ID, c.Created
	updated, err := s.UpdateClient(t.Context(), "web", after(time.Hour), func(got *durin.Client) error {
		same(t, "what is to be changed", *got, c)
		*got = fullClient("phone")
		got.ID, got.Created = other.ID, after(time.Hour)
		return nil
	})
	must(t, err)
	same(t, "updated", updated, want)
	_, err = s.ClientByName(t.Context(), "web")
	refused(t, "old name", err, durin.ErrNotFound)
	all, err := s.Clients(t.Context())
	must(t, err)
	same(t, "all", all, []durin.Client{other, want})
	// What is as it was is written without fault.
	updated, err = s.UpdateClient(t.Context(), "phone", after(time.Hour), func(*durin.Client) error { return nil })
	must(t, err)
	same(t, "not changed", updated, want)
}

func clientUpdateFails(t *testing.T, s durin.Store) {
	c := create(t, s, web())
	other := web()
	other.Name = "other"
	create(t, s, other)
	none := func(*durin.Client) error { return nil }
	_, err := s.UpdateClient(t.Context(), "nobody", start, none)
	refused(t, "no client", err, durin.ErrNotFound)
	_, err = s.UpdateClient(t.Context(), "web", start, func(c *durin.Client) error { c.Name = "other"; return nil })
	refused(t, "taken name", err, durin.ErrExists)
	own := errors.New("own")
	if _, err = s.UpdateClient(t.Context(), "web", start, func(c *durin.Client) error { c.TTL = time.Minute; return own }); !errors.Is(err, own) {
		t.Errorf("the change's error came back as %v", err)
	}
	got, err := s.ClientByName(t.Context(), "web")
	must(t, err)
	same(t, "afterwards", got, c)
	_, err = s.DeleteClient(t.Context(), "nobody", start)
	refused(t, "delete", err, durin.ErrNotFound)
}

// clientUpdateSessions renames a client and changes its life time: its tokens
// stay its tokens, with the expiry that they have.
func clientUpdateSessions(t *testing.T, s durin.Store) {
	create(t, s, web())
	want := withoutDevice(issue(t, s, newToken("a")).Session)
	updated, err := s.UpdateClient(t.Context(), "web", start, func(c *durin.Client) error {
		c.Name, c.TTL, c.Rate = "site", time.Minute, durin.Rate{N: 1, Period: time.Hour}
		return nil
	})
	must(t, err)
	want.Client = &updated
	got, err := s.Lookup(t.Context(), digest("a"))
	must(t, err)
	same(t, "session", got, want)
	same(t, "by the old name", len(sessions(t, s, browse.Query{Client: "web"})), 0)
	same(t, "by the new name", len(sessions(t, s, browse.Query{Client: "site"})), 1)
}

func clientDelete(t *testing.T, s durin.Store) {
	want := create(t, s, fullClient("gone"))
	create(t, s, web())
	issue(t, s, newToken("a", client("gone")))
	issue(t, s, newToken("b", client("gone"), user("u2")))
	issue(t, s, newToken("c"))
	got, err := s.DeleteClient(t.Context(), "gone", after(time.Minute))
	must(t, err)
	same(t, "deleted", got, want)
	isThere(t, s, "c")
	for _, word := range []string{"a", "b"} {
		_, err := s.Lookup(t.Context(), digest(word))
		refused(t, "look-up", err, durin.ErrNotFound)
	}
	_, err = s.Issue(t.Context(), newToken("d", client("gone")))
	refused(t, "issue", err, durin.ErrUnknownClient)
	_, err = s.DeleteClient(t.Context(), "gone", after(time.Minute))
	refused(t, "delete again", err, durin.ErrNotFound)
	// One of the same name starts with nothing.
	create(t, s, fullClient("gone"))
	isThere(t, s, "c")
}
