package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/transfer"
)

// A token whose instants cannot be written with four digits for the year is answered
// with the nearest that can, in whatever zone answers are.
func TestYearsOfFourDigits(t *testing.T) {
	const secret = durin.Secret("0101010101010101010101010101010101010101010101010101010101010101")
	for _, c := range []struct {
		zone             *time.Location
		created, expires time.Time
		first, last      string
	}{
		{time.UTC, time.Date(0, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(10000, 1, 1, 4, 59, 59, 999999000, time.UTC), "0001-01-01T00:00:00.000001Z", "9999-12-31T23:59:59.999999Z"},
		{time.FixedZone("", 9*3600), time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), "0001-01-01T09:00:01+09:00", "9999-12-31T23:59:59.999999+09:00"},
		{time.FixedZone("", -9*3600), time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), time.UnixMicro(1 << 62), "0001-01-01T00:00:00.000001-09:00", "9999-12-31T23:59:59.999999-09:00"},
	} {
		w := newWorld(t, api.Options{Location: c.zone})
		row := transfer.Row{Source: "x", Key: "1", Token: &transfer.Token{Digest: secret.Digest(), UserID: "1", Client: "forever", Created: c.created, ExpiresAt: c.expires}}
		if _, err := w.store.(transfer.Importer).Import(t.Context(), []transfer.Row{row}, w.now, false); err != nil {
			t.Fatal(err)
		}
		auth := []string{"Authorization", "Token " + secret.Reveal()}
		res := w.do("GET", "/api/auth/sessions/", "", auth...)
		body, _ := io.ReadAll(res.Body)
		var list []struct{ Created, Expiry string }
		if err := json.Unmarshal(body, &list); err != nil || len(list) != 1 || list[0].Created != c.first || list[0].Expiry != c.last {
			t.Errorf("%s, %v, want %s and %s", body, err, c.first, c.last)
		}
		if expiry := w.do("GET", "/api/auth/verify", "", auth...).Header.Get("X-Durin-Expiry"); !strings.HasPrefix(expiry, "9999-12-31T23:59:59") || !strings.HasSuffix(expiry, "Z") {
			t.Errorf("the header says %q", expiry)
		}
		server, _, err := w.guard.CreateResourceServer(t.Context(), "billing", durin.Never)
		if err != nil {
			t.Fatal(err)
		}
		res = w.do("POST", "/api/auth/introspect", "token="+secret.Reveal(), "Content-Type", "application/x-www-form-urlencoded", "Authorization", basic("billing", server.Reveal()))
		var answer struct{ Exp int64 }
		if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || res.StatusCode != http.StatusOK || time.Unix(answer.Exp, 0).UTC().Year() != 9999 {
			t.Errorf("introspection: %d, %+v, %v", res.StatusCode, answer, err)
		}
	}
}
