package importer

import (
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/memstore"
)

type knoxCredentials struct {
	Username string
	Active   bool
	Knox     []struct {
		Token   string
		Expires *int // hours from the dump; null is never
	}
}

// Tokens of knox pass a Guard before and after their first use; a dump that is
// imported again changes nothing.
func TestKnoxTokensPassAGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, dump := memstore.New(), readDump(t, "dump-knox-drf-multitoken.json")
		take(t, store, dump, Options{})
		guard, err := durin.New(t.Context(), durin.Options{Store: store, Users: store, Keyring: testRing(t), Now: testClock})
		if err != nil {
			t.Fatal(err)
		}
		defer guard.Close(t.Context())
		text, err := os.ReadFile(filepath.Join("testdata", "dump-knox-drf-multitoken.credentials.json"))
		var all []knoxCredentials
		if err != nil || json.Unmarshal(text, &all) != nil {
			t.Fatal(err)
		}
		count := map[string]int{}
		for use := range 3 {
			for _, c := range all {
				for _, token := range c.Knox {
					want, kind := error(nil), "live"
					switch {
					case token.Expires != nil && *token.Expires < 0:
						want, kind = durin.ErrExpired, "expired"
					case !c.Active:
						want, kind = durin.ErrInactive, "inactive"
					}
					count[kind]++
					s, err := guard.Verify(t.Context(), durin.Secret(token.Token))
					if !errors.Is(err, want) {
						t.Errorf("use %d: a token of %s: %v, want %v", use, c.Username, err, want)
					}
					if err == nil && (s.UserName != c.Username || s.Client.Name != "knox" || s.ExpiresAt.IsZero() != (token.Expires == nil)) {
						t.Errorf("use %d: a token of %s: %+v", use, c.Username, s)
					}
				}
			}
			if use == 0 {
				if report := take(t, store, dump, Options{}); report.Model(knoxModel).Known != 23 {
					t.Errorf("the second import: %+v", report.Model(knoxModel))
				}
			}
		}
		if left, err := store.LegacyLeft(t.Context()); err != nil || left {
			t.Errorf("legacy digests are left: %v, %v", left, err)
		}
		if fmt.Sprint(count) != "map[expired:15 inactive:6 live:48]" {
			t.Errorf("%v", count)
		}
	})
}

// drf-multitokenauth had another name once, and the token for a key.
func TestOldMultitoken(t *testing.T) {
	store := memstore.New()
	report := take(t, store, array(userRow(1, "alice"),
		`{"model":"django_rest_multitokenauth.multitoken","pk":"459ffff716fdf7a7","fields":{"user":1,"created":"2016-11-23T10:58:14Z","last_known_ip":"192.0.2.1","user_agent":"curl"}}`,
		`{"model":"Django_Rest_MultitokenAuth.MultiToken","pk":7,"fields":{"key":"459ffff716fdf7a8","user":1,"created":"2016-11-23T10:58:14Z","last_known_ip":"192.0.2.1","user_agent":"curl"}}`,
	), Options{})
	if m := report.Model(multiModel); m.Taken != 2 || report.Others != 0 {
		t.Errorf("%+v, %d others", m, report.Others)
	}
	for _, token := range []string{"459ffff716fdf7a7", "459ffff716fdf7a8"} {
		if s := lookup(t, store, token); s.Client.Name != "multitoken" || s.UserName != "alice" {
			t.Errorf("%s: %+v", token, s)
		}
	}
	problems := refused(t, memstore.New(), array(userRow(1, "alice"), `{"model":"drf_multitokenauth.multitoken","pk":null,"fields":{"user":1,"created":"2016-11-23T10:58:14Z"}}`), Options{})
	if len(problems) != 1 || !strings.Contains(problems[0].What, "key") {
		t.Errorf("%+v", problems)
	}
}

func knoxRow(digest, more string) string {
	return fmt.Sprintf(`{"model":"knox.authtoken","pk":%q,"fields":{"token_key":"a1b2c3d4","user":1,"created":"2026-11-23T10:58:14.820Z","expiry":null%s}}`, digest, more)
}

func TestKnoxRows(t *testing.T) {
	token := strings.Repeat("a1", 32)
	raw, _ := hex.DecodeString(token)
	ofText, ofBytes := sha512.Sum512([]byte(token)), sha512.Sum512(raw)
	good, old := hex.EncodeToString(ofText[:]), strings.ToUpper(hex.EncodeToString(ofBytes[:]))
	for _, row := range []string{knoxRow(good, ""), knoxRow(old, `,"salt":""`), replaced(knoxRow(good, `,"digest":"`+good+`"`), `"pk":"`+good+`"`, `"pk":null`)} {
		store := memstore.New()
		take(t, store, array(userRow(1, "alice"), row), Options{})
		ring := testRing(t)
		guard, err := durin.New(t.Context(), durin.Options{Store: store, Users: store, Keyring: ring, Now: testClock})
		if err != nil {
			t.Fatal(err)
		}
		if s, err := guard.Verify(t.Context(), durin.Secret(token)); err != nil || s.UserName != "alice" {
			t.Errorf("%s: %v", row, err)
		}
		_ = guard.Close(t.Context())
	}
	for row, what := range map[string]string{
		knoxRow(good, `,"salt":"f00d"`): "salted",
		knoxRow(good[:126], ""):         "no SHA-512",
		knoxRow(good[:64], ""):          "no SHA-512",
		knoxRow("x"+good[1:], ""):       "no SHA-512",
		replaced(knoxRow(good, ""), `"expiry":null`, `"expiry":"soon"`): "expiry",
	} {
		problems := refused(t, memstore.New(), array(userRow(1, "alice"), row), Options{})
		if len(problems) != 1 || !strings.Contains(problems[0].What, what) || problems[0].Key != "" {
			t.Errorf("%s: %+v", row, problems)
		}
	}
	if problems := refused(t, memstore.New(), array(userRow(1, "alice"), knoxRow(good, ""), knoxRow(good, "")), Options{}); len(problems) != 1 || !strings.Contains(problems[0].What, "twice") {
		t.Errorf("%+v", problems)
	}
}
