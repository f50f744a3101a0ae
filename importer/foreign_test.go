package importer

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/memstore"
)

func TestNeighboursDump(t *testing.T) {
	dump := readDump(t, "dump-knox-drf-multitoken.json")
	store := memstore.New()
	report := take(t, store, dump, Options{})
	wantCounts(t, report,
		ModelReport{Model: "auth.user", Read: 14, Taken: 14},
		ModelReport{Model: "authtoken.token", Read: 14, Taken: 14},
		ModelReport{Model: "drf_multitokenauth.multitoken", Read: 9, Taken: 9},
		ModelReport{Model: "knox.authtoken", Read: 23, Taken: 23},
	)
	for _, c := range readCredentials(t, "dump-knox-drf-multitoken.credentials.json") {
		for client, tokens := range map[string][]string{"drf": c.DRF, "multitoken": c.Multitoken} {
			for _, token := range tokens {
				s := lookup(t, store, token)
				if s.UserName != c.Username || s.Client.Name != client || !s.ExpiresAt.IsZero() || s.Inactive == c.Active {
					t.Errorf("a token of %s for %s: %+v", c.Username, client, s)
				}
			}
		}
	}
	for _, name := range []string{"drf", "multitoken", "knox"} {
		c, err := store.ClientByName(t.Context(), name)
		if err != nil || c.Policy != durin.PolicyEvict || c.MaxTokens != 1000 || c.TTL != durin.Never {
			t.Errorf("client %s: %+v, %v", name, c, err)
		}
	}
	if len(report.Notes) != 3 || !strings.Contains(report.Notes[0], `The tokens of drf go to a new client "drf": policy evict with at most 1000 tokens a user`) {
		t.Errorf("notes %q", report.Notes)
	}
	sessions, err := store.Sessions(t.Context(), browse.Query{Client: "multitoken"})
	if err != nil || len(sessions) != 9 {
		t.Fatalf("%d sessions, %v", len(sessions), err)
	}
	want := durin.Device{Name: "dev0", Address: "192.0.2.1", Agent: "Mozilla/5.0 (X11; Linux)"}
	if s := sessions[0]; s.Device == nil || *s.Device != want || !s.Created.Equal(time.Date(2026, 11, 23, 10, 58, 14, 327e6, time.UTC)) {
		t.Errorf("%+v with %+v", s, s.Device)
	}
}

const (
	drfRow   = `{"model":"authtoken.token","pk":"0fc13e3c694d9148236093541da84e72a5887c92","fields":{"user":1,"created":"2026-11-23T10:58:14.873Z"}}`
	multiRow = `{"model":"drf_multitokenauth.multitoken","pk":1,"fields":{"key":"459ffff716fdf7a7","user":1,"created":"2026-11-23T10:58:14.327Z","last_known_ip":null,"user_agent":"","name":"dev0"}}`
)

// Other libraries' tokens may go to a client of the dump, or of the store.
func TestClientFor(t *testing.T) {
	dump := array(drfRow, multiRow, userRow(1, "alice"), clientRow(1, "mobile", "60", ""))
	options := Options{Lenient: true, Keyring: testRing(t), ClientFor: map[string]string{"drf": "mobile", "multitoken": "tv"}}
	store := memstore.New()
	if _, err := store.CreateClient(t.Context(), durin.Client{Name: "tv", TTL: time.Hour, Policy: durin.PolicyReuse}); err != nil {
		t.Fatal(err)
	}
	var before everything
	for i := range 2 {
		report := take(t, store, dump, options)
		if len(report.Notes) != 3-i || !strings.Contains(report.Notes[0], `tokens of drf go to the client "mobile": policy evict`) || !strings.Contains(report.Notes[1], `"tv"`) {
			t.Errorf("notes %q", report.Notes)
		}
		after := contents(t, store)
		if i > 0 && !reflect.DeepEqual(after, before) {
			t.Error("the second import changed the store")
		}
		before = after
	}
	for _, c := range before.Clients {
		if c.Policy != durin.PolicyEvict || c.MaxTokens != 1000 {
			t.Errorf("client %+v", c)
		}
	}
	if s := lookup(t, store, "0fc13e3c694d9148236093541da84e72a5887c92"); s.Client.Name != "mobile" || s.UserName != "alice" || s.ExpiresAt != (time.Time{}) {
		t.Errorf("%+v", s)
	}
	if s := lookup(t, store, "459ffff716fdf7a7"); s.Client.Name != "tv" {
		t.Errorf("%+v", s)
	}
	if seals, err := store.Seals(t.Context(), 0, 9); err != nil || len(seals) != 0 {
		t.Errorf("%d seals, %v", len(seals), err)
	}
}

// The ids of django-rest-durin's tokens are kept, whatever else comes.
func TestOtherTokensTakeNoIDs(t *testing.T) {
	store := memstore.New()
	take(t, store, array(userRow(1, "alice"), clientRow(1, "web", "60", ""), drfRow, multiRow, tokenRow(1, "ta", "1", "1"), tokenRow(2, "tb", "1", "2"), clientRow(2, "cli", "60", "")), Options{})
	if a, b := lookup(t, store, "ta"), lookup(t, store, "tb"); a.ID != 1 || b.ID != 2 {
		t.Errorf("ids %d, %d", a.ID, b.ID)
	}
}

// A token in the place of a key is a secret.
func TestKeysOfOtherTokensAreSecret(t *testing.T) {
	for _, row := range []string{
		replaced(drfRow, `"user":1`, `"user":9`), replaced(drfRow, `"user":1`, `"user":true`), replaced(drfRow, `2026-11-23`, `2026-99-23`),
		replaced(multiRow, `"pk":1`, `"pk":"459ffff716fdf7a8"`), replaced(drfRow, `0fc13e3c694d9148236093541da84e72a5887c92`, `0fc 13e3c694d9148236093541da84e72a5887c92`),
		replaced(multiRow, `"user":1`, `"user":7`),
	} {
		report := take(t, memstore.New(), array(row, row, userRow(1, "alice")), Options{Lenient: true})
		told, _ := json.Marshal(report)
		if len(report.Problems) == 0 || strings.Contains(string(told), "3e3c694d") || strings.Contains(string(told), "59ffff") {
			t.Errorf("%s", told)
		}
	}
}

func TestOwnUserModel(t *testing.T) {
	const id = "0b8d8a4c-6c1c-4a52-8d44-1d1b4a3f7c11"
	dump := array(
		tokenRow(1, "ta", `"`+id+`"`, "1"), tokenRow(2, "tb", `"second"`, "1"), tokenRow(3, "tc", `"third"`, "1"),
		`{"model":"people.person","pk":"`+id+`","fields":{"email":"ada@example.org","password":"!","enabled":true,"date_joined":"2020-01-01T00:00:00Z"}}`,
		`{"model":"people.person","pk":"second","fields":{"email":"bea@example.org","password":"!","enabled":false}}`,
		`{"model":"people.person","pk":"third","fields":{"email":"cyd@example.org","password":"!"}}`,
		`{"model":"auth.user","pk":1,"fields":{}}`,
		clientRow(1, "web", "60", ""),
	)
	opts := Options{UserModel: "People.Person", UserNameField: "email", ActiveField: "enabled"}
	store := memstore.New()
	for range 2 {
		report := take(t, store, dump, opts)
		if report.Others != 1 || report.Model("people.person").Read != 3 {
			t.Errorf("%+v", report)
		}
	}
	for token, name := range map[string]string{"ta": "ada@example.org", "tb": "bea@example.org", "tc": "cyd@example.org"} {
		if s := lookup(t, store, token); s.UserName != name || s.Inactive != (token == "tb") {
			t.Errorf("%s: %+v", token, s)
		}
	}
	if all := contents(t, store); len(all.Users) != 3 || all.Users[1].Active {
		t.Errorf("%+v", all.Users)
	}
}
