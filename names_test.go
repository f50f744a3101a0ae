package durin_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/durintest"
	"github.com/durin-go/durin/memstore"
)

func TestNewName(t *testing.T) {
	for name, want := range map[string]string{
		"ada":                    "ada",
		"ju\u0308rgen":           "jürgen",
		"ｊｕｅｒｇｅｎ":                "juergen",
		"ﬁona":                   "fiona",
		"Zoë.Müller@example.org": "Zoë.Müller@example.org",
		"иван@example.org":       "иван@example.org",
		"ivan-иван":              "ivan-иван",
		"山田タロウabc":               "山田タロウabc",
		"김철수":                    "김철수",
		"a\u00a0b":               "a b",
		"🦉 owl":                  "🦉 owl",
		"नमस्ते":                 "नमस्ते",
		"":                       "",
	} {
		if got, err := durin.NewName(name); err != nil || got != want {
			t.Errorf("NewName(%+q) = %+q, %v, want %+q", name, got, err, want)
		}
	}
	for name, what := range map[string]string{
		"a\u200bb":      "U+200B",
		"a\u200db":      "U+200D",
		"a\u202eb":      "U+202E",
		"a\u2066b":      "U+2066",
		"a\u00adb":      "U+00AD",
		"a\u2060b":      "U+2060",
		"a\ufe0fb":      "U+FE0F",
		"a\U000e0041b":  "U+E0041",
		"a\u115fb":      "U+115F",
		"a\u3164b":      "U+3164",
		"a\u2800b":      "U+2800",
		"a\u1680b":      "U+1680",
		"a\x1bb":        "U+001B",
		"a\tb":          "U+0009",
		"a\u0085b":      "U+0085",
		"a\u2028b":      "U+2028",
		"a\ue000b":      "U+E000",
		"a\ufdd0b":      "U+FDD0",
		"аdmin":         "Cyrillic",
		"pаypal":        "Cyrillic",
		"user2иван":     "several scripts",
		"αdmin":         "Greek",
		"x.аdmin@x.org": "Cyrillic",
		"\xff":          "UTF-8",
	} {
		var field *durin.FieldError
		if got, err := durin.NewName(name); !errors.As(err, &field) || field.Field != "name" || !strings.Contains(err.Error(), what) {
			t.Errorf("NewName(%+q) = %+q, %v, want a *FieldError with %q", name, got, err, what)
		}
	}
}

func FuzzNewName(f *testing.F) {
	for _, seed := range []string{"ada", "ju\u0308rgen", "ｊ", "a\u200bb", "аdmin", "\u1e9b\u0323", "ǅ", "\ufdfa"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		folded := durin.FoldName(name)
		if again := durin.FoldName(folded); again != folded {
			t.Errorf("FoldName(%+q) = %+q, folded again %+q", name, folded, again)
		}
		got, err := durin.NewName(name)
		if err != nil {
			return
		}
		if again, err := durin.NewName(got); err != nil || again != got {
			t.Errorf("NewName(%+q) = %+q, and of that %+q, %v", name, got, again, err)
		}
		if durin.FoldName(got) != folded {
			t.Errorf("%+q and its new form %+q fold to %+q and %+q", name, got, folded, durin.FoldName(got))
		}
	})
}

// owned takes the password "right" for whatever user of the store is named.
type owned struct{ durin.UserStore }

func (o owned) Authenticate(ctx context.Context, name string, password durin.Secret) (durin.User, error) {
	u, err := o.UserByName(ctx, name)
	if errors.Is(err, durin.ErrNotFound) || err == nil && (password != "right" || !u.Active) {
		err = durin.ErrBadCredentials
	}
	return u, err
}

// limits notes the accounts that the limiter is asked about.
type limits struct{ accounts []string }

func (l *limits) Admit(_ context.Context, a durin.LoginAttempt) (bool, error) {
	l.accounts = append(l.accounts, a.Name)
	return true, nil
}

func (l *limits) Done(context.Context, durin.LoginAttempt, error) {}

// guardOf has users whose names came as they are, as imported ones do.
func guardOf(t *testing.T, names durin.LoginNames, l durin.LoginLimiter, users ...string) (*durintest.Guard, *memstore.Store) {
	t.Helper()
	var store *memstore.Store
	g := durintest.New(t, func(o *durin.Options) {
		store = o.Store.(*memstore.Store)
		o.Users, o.Authenticator, o.LoginNames, o.LoginLimiter = store, owned{store}, names, l
	})
	if _, err := g.CreateClient(t.Context(), durin.Client{Name: "web", TTL: durin.Never}); err != nil {
		t.Fatal(err)
	}
	for _, name := range users {
		if _, err := store.CreateUser(t.Context(), durin.User{Name: name, Password: "!", Active: true}); err != nil {
			t.Fatal(err)
		}
	}
	return g, store
}

func TestLoginNames(t *testing.T) {
	users := []string{"Ada@example.org", "ada@example.org", "Grace", "ju\u0308rgen", "a\u200bb", "straße"}
	for _, c := range []struct {
		names durin.LoginNames
		typed string
		want  string // the user; empty: refused
	}{
		{"", "ada@example.org", "ada@example.org"},
		{"", "Ada@example.org", "Ada@example.org"},
		{"", "ADA@example.org", ""},
		{"", "grace", ""},
		{"", "Ｇrace", "Grace"}, // NFKC
		{"", "ju\u0308rgen", "ju\u0308rgen"},
		{"", "jürgen", ""},
		{"", "a\u200bb", "a\u200bb"},
		{durin.LoginNamesFolded, "ada@example.org", "ada@example.org"},
		{durin.LoginNamesFolded, "Ada@example.org", "Ada@example.org"},
		{durin.LoginNamesFolded, "ADA@example.org", ""}, // either of two
		{durin.LoginNamesFolded, "GRACE", "Grace"},
		{durin.LoginNamesFolded, " grace ", "Grace"},
		{durin.LoginNamesFolded, "JÜRGEN", "ju\u0308rgen"},
		{durin.LoginNamesFolded, "a\u200bb", "a\u200bb"},
		{durin.LoginNamesFolded, "STRASSE", ""},
		{durin.LoginNamesFolded, "nobody", ""},
		{durin.LoginNamesFolded, "a\x00", ""},
		{durin.LoginNamesFolded, strings.Repeat("é", 300), ""},
	} {
		g, _ := guardOf(t, c.names, nil, users...)
		in, err := g.Login(t.Context(), durin.LoginRequest{Name: c.typed, Password: "right", Client: "web"})
		if c.want == "" && !errors.Is(err, durin.ErrBadCredentials) || c.want != "" && (err != nil || in.User.Name != c.want) {
			t.Errorf("%q, %+q typed: %+q, %v, want %+q", c.names, c.typed, in.User.Name, err, c.want)
		}
	}
}

// All spellings that mean one user are one account for those who guess.
func TestLoginLimiterKnowsSpellings(t *testing.T) {
	for names, want := range map[durin.LoginNames]string{durin.LoginNamesExact: "ada Ada ada", durin.LoginNamesFolded: "ada ada ada"} {
		l := &limits{}
		g, _ := guardOf(t, names, l, "ada")
		for _, typed := range []string{"ada", "Ada", "ａda"} {
			_, _ = g.Login(t.Context(), durin.LoginRequest{Name: typed, Password: "wrong", Client: "web"})
		}
		if got := strings.Join(l.accounts, " "); got != want {
			t.Errorf("%s: the accounts %s, want %s", names, got, want)
		}
	}
}

// New users and clients get names that are no other's look-alikes; those that are
// here stay.
func TestNewNamesOfUsers(t *testing.T) {
	legacy := []string{"ju\u0308rgen", "a\u200bb", "Ada", "сосо", "kept"}
	for _, c := range []struct {
		names      durin.LoginNames
		name, want string // the name that it gets; empty: refused
	}{
		{"", "new", "new"},
		{"", "u\u0308ber", "über"},
		{"", "jürgen", ""},       // as the one in NFD
		{"", "ju\u0308rgen", ""}, // the one in NFD would be a look-alike
		{"", "ab", ""},           // as the one with U+200B
		{"", "ada", "ada"},
		{"", "Ada", ""},
		{"", "Аdа", ""}, // mixed
		{"", "coco", "coco"},
		{"", "kept", ""},
		{durin.LoginNamesFolded, "ada", ""},
		{durin.LoginNamesFolded, "ADA", ""},
		{durin.LoginNamesFolded, "adam", "adam"},
	} {
		g, store := guardOf(t, c.names, nil, legacy...)
		made, err := g.CreateUser(t.Context(), durin.User{Name: c.name, Password: "!", Active: true})
		if (err == nil) != (c.want != "") || made.Name != c.want {
			t.Errorf("%q: CreateUser(%+q) = %+q, %v, want %+q", c.names, c.name, made.Name, err, c.want)
		}
		kept, err := store.UserByName(t.Context(), "kept")
		if err != nil {
			t.Fatal(err)
		}
		renamed, err := g.UpdateUser(t.Context(), kept.ID, func(u *durin.User) error { u.Name = c.name; return nil })
		if c.name != "kept" && err == nil { // it is taken by now, or refused
			t.Errorf("%q: renamed to %+q: %+q, %v", c.names, c.name, renamed.Name, err)
		}
	}
	// Whole words of Cyrillic that look like a Latin name.
	g, store := guardOf(t, "", nil, "coco")
	if _, err := g.CreateUser(t.Context(), durin.User{Name: "сосо", Password: "!"}); err == nil || !strings.Contains(err.Error(), "looks the same") {
		t.Errorf("a look-alike of coco: %v", err)
	}
	// A user whose name no new one could have is changed in other ways.
	odd, err := store.CreateUser(t.Context(), durin.User{Name: "a\u202eb", Password: "!", Active: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.UpdateUser(t.Context(), odd.ID, func(u *durin.User) error { u.Active = false; return nil }); err != nil {
		t.Error(err)
	}
	if u, err := g.UpdateUser(t.Context(), odd.ID, func(u *durin.User) error { u.Name = "u\u0308b"; return nil }); err != nil || u.Name != "üb" {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestNewNamesOfClients(t *testing.T) {
	g, _ := guardOf(t, "", nil)
	if c, err := g.CreateClient(t.Context(), durin.Client{Name: "u\u0308ber", TTL: durin.Never}); err != nil || c.Name != "über" {
		t.Errorf("%+v, %v", c, err)
	}
	for _, name := range []string{"a\u202eb", "we\u200bb", "wеb"} {
		if _, err := g.CreateClient(t.Context(), durin.Client{Name: name, TTL: durin.Never}); err == nil {
			t.Errorf("a client is made that is called %+q", name)
		}
		if _, err := g.UpdateClient(t.Context(), "web", func(c *durin.Client) error { c.Name = name; return nil }); err == nil {
			t.Errorf("a client is renamed to %+q", name)
		}
	}
}

func TestLoginNamesNeedUsers(t *testing.T) {
	for _, o := range []durin.Options{{LoginNames: durin.LoginNamesFolded}, {LoginNames: "any"}} {
		o.Store, o.ReuseWithoutKey = memstore.New(), durin.PolicyReplace
		if g, err := durin.New(t.Context(), o); err == nil {
			_ = g.Close(t.Context())
			t.Errorf("%+q is taken", o.LoginNames)
		}
	}
}
