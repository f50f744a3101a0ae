package enginetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/durin-go/durin/sqlstore"
	"github.com/durin-go/durin/transfer"
)

// BenchmarkLookup compares the look-up of a token with the bare prepared query
// that brings the same rows, on the same handle and under a context that can
// end, as a request's.
func BenchmarkLookup(b *testing.B) {
	const query = "SELECT t.id, t.user_id, t.created, t.issued_at, t.expires, t.last_used, t.owner, u.name, u.active, " +
		"c.id, c.name, c.ttl, c.rate_n, c.rate_period, c.policy, c.max_tokens, c.sliding, c.max_life, c.no_password, c.cookie, c.description, c.created " +
		"FROM durin_token t JOIN durin_client c ON c.id = t.client_id LEFT JOIN durin_user u ON u.id = t.owner WHERE t.digest = "
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			d := e.new(b)
			db := d.Open(b)
			s := e.open(b, db, sqlstore.Options{})
			digests := stock(b, s)
			parameter := "?"
			if e.dialect == sqlstore.PostgreSQL {
				parameter = "$1"
			}
			stmt, err := db.PrepareContext(b.Context(), query+parameter)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = stmt.Close() }()
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			bare := func(i int) error {
				var text [5]*string
				var numbers [17]*int64
				n, s := &numbers, &text
				return stmt.QueryRowContext(ctx, digests[i%len(digests)][:]).Scan(&n[0], &s[0], &n[1], &n[2], &n[3], &n[4], &n[5], &s[1], &n[6],
					&n[7], &s[2], &n[8], &n[9], &n[10], &s[3], &n[11], &n[12], &n[13], &n[14], &n[15], &s[4], &n[16])
			}
			store := func(i int) error {
				_, err := s.Lookup(ctx, digests[i%len(digests)])
				return err
			}
			compare(b, bare, store)
		})
	}
}

// BenchmarkLogin is what a login asks of a SQLite file, with statements that are
// kept prepared and without.
func BenchmarkLogin(b *testing.B) {
	for name, opts := range map[string]sqlstore.Options{"kept": {}, "unprepared": {NoPrepare: true}} {
		b.Run(name, func(b *testing.B) {
			d := servers.SQLite(b)
			opts.Reader = d.Open(b)
			s := engines[0].open(b, d.Open(b), opts)
			stock(b, s)
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			if _, err := s.CreateClient(ctx, durin.Client{Name: "one", TTL: time.Hour, Policy: durin.PolicyReplace}); err != nil {
				b.Fatal(err)
			}
			for i := 0; b.Loop(); i++ {
				u, err := s.UserByName(ctx, fmt.Sprint("user", i%100+1))
				if err != nil {
					b.Fatal(err)
				}
				digest := durin.Secret(fmt.Sprint("login", i)).Digest()
				if _, err := s.Issue(ctx, durin.NewToken{UserID: u.ID, Owned: true, Password: true, SignIn: true, Client: "one", Digest: digest, Now: now}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// stock makes 1,000 tokens of 100 users.
func stock(b *testing.B, s *sqlstore.Store) []durin.Digest {
	b.Helper()
	ctx := b.Context()
	rows := []transfer.Row{{Source: "c", Key: "1", Client: &durin.Client{Name: "web", TTL: time.Hour, Policy: durin.PolicyEvict, MaxTokens: 100}}}
	var digests []durin.Digest
	for i := range 1000 {
		user := fmt.Sprint(i/10 + 1)
		if i%10 == 0 {
			rows = append(rows, transfer.Row{Source: "u", Key: user, User: &durin.User{ID: user, Name: "user" + user, Active: true}})
		}
		digest := durin.Secret(fmt.Sprint("token", i)).Digest()
		digests = append(digests, digest)
		rows = append(rows, transfer.Row{Source: "t", Key: fmt.Sprint(i), Token: &transfer.Token{UserID: user, Client: "web", Digest: digest, Created: now}})
	}
	if _, err := s.Import(ctx, rows, now, false); err != nil {
		b.Fatal(err)
	}
	return digests
}

// compare runs both in turn, so that what else the machine does falls on both,
// and reports the time of the second by that of the first.
func compare(b *testing.B, bare, store func(i int) error) {
	var spent [2]time.Duration
	i := 0
	for b.Loop() {
		for side, call := range []func(int) error{bare, store} {
			begin := time.Now()
			if err := call(i); err != nil {
				b.Fatal(err)
			}
			spent[side] += time.Since(begin)
		}
		i++
	}
	b.ReportMetric(float64(spent[0].Nanoseconds())/float64(i), "bare-ns/op")
	b.ReportMetric(float64(spent[1].Nanoseconds())/float64(i), "lookup-ns/op")
	b.ReportMetric(float64(spent[1])/float64(spent[0]), "ratio")
}
