package importer

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/memstore"
)

// The tokens of the dump pass a Guard as they passed django-rest-durin, and the
// next login hands the same one out.
func TestTokensPassAGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, ring := memstore.New(), testRing(t)
		take(t, store, readDump(t, "dump-hashers.json"), Options{Keyring: ring})
		guard, err := durin.New(t.Context(), durin.Options{Store: store, Users: store, Keyring: ring, Now: testClock})
		if err != nil {
			t.Fatal(err)
		}
		defer guard.Close(t.Context())
		good := 0
		for _, c := range readCredentials(t, "dump-hashers.credentials.json") {
			for _, token := range c.Tokens {
				s, err := guard.Verify(t.Context(), durin.Secret(token.Token))
				switch {
				case token.Expired && !errors.Is(err, durin.ErrExpired), !token.Expired && !c.Active && !errors.Is(err, durin.ErrInactive):
					t.Errorf("a token of %s (active %v, expired %v): %v", c.Username, c.Active, token.Expired, err)
				case token.Expired || !c.Active:
				case err != nil || s.UserName != c.Username || s.Client.Name != token.Client:
					t.Errorf("a token of %s: %+v, %v", c.Username, s, err)
				default:
					good++
					issued, err := guard.Issue(t.Context(), durin.IssueRequest{UserID: s.UserID, Client: token.Client})
					if err != nil || !issued.Reused || issued.Token.Reveal() != token.Token {
						t.Errorf("a new login of %s: reused %v, %v", c.Username, issued.Reused, err)
					}
				}
			}
		}
		if good < 50 {
			t.Errorf("only %d tokens are live", good)
		}
	})
}
