package main

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/bench/internal/dataset"
	"github.com/durin-go/durin/bench/internal/measure"
	"github.com/durin-go/durin/bench/internal/target"
	"github.com/durin-go/durin/sqlstore"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// bareQuery reads what a check needs to know of a token.
const bareQuery = "SELECT t.id, t.user_id, t.created, t.issued_at, t.expires, t.last_used, t.owner, u.name, u.active, " +
	"c.id, c.name, c.ttl, c.rate_n, c.rate_period, c.policy, c.max_tokens, c.sliding, c.max_life, c.no_password, c.cookie, c.description, c.created " +
	"FROM durin_token t JOIN durin_client c ON c.id = t.client_id LEFT JOIN durin_user u ON u.id = t.owner WHERE t.digest = "

// A bare is a row of bareQuery in the plainest Go.
type bare struct {
	id, created, issued, clientID, rateN, ratePeriod, maxTokens, sliding, noPassword, cookie, clientCreated int64
	expires, lastUsed, owner, active, ttl, maxLife                                                          sql.NullInt64
	userID, name, policy, description                                                                       string
	userName                                                                                                sql.NullString
}

func (b *bare) scan(r *sql.Row) error {
	return r.Scan(&b.id, &b.userID, &b.created, &b.issued, &b.expires, &b.lastUsed, &b.owner, &b.userName, &b.active,
		&b.clientID, &b.name, &b.ttl, &b.rateN, &b.ratePeriod, &b.policy, &b.maxTokens, &b.sliding, &b.maxLife, &b.noPassword, &b.cookie, &b.description, &b.clientCreated)
}

// f3 compares a check that must ask the database with the prepared query alone,
// on the same handle.
func (s *suite) f3() error {
	path, err := s.database(s.size)
	if err != nil {
		return err
	}
	off, err := target.NewGuard(s.ctx, path, func(o *durin.Options) { o.CacheTTL = -1 })
	if err != nil {
		return err
	}
	defer off.Close()
	missing, err := durin.New(s.ctx, durin.Options{Store: off.Store, Users: off.Store, ReuseWithoutKey: durin.PolicyReplace, CacheEntries: 64})
	if err != nil {
		return err
	}
	defer func() { _ = missing.Close(context.WithoutCancel(s.ctx)) }()
	bare, err := off.DB.Reader.PrepareContext(s.ctx, bareQuery+"?")
	if err != nil {
		return err
	}
	defer func() { _ = bare.Close() }()
	return s.f3Engine("SQLite", some(s.size, s.size/2), bare, off.Guard, missing)
}

// f3Engine races the query with a check without cache, and with one whose cache
// is too small to have the token.
func (s *suite) f3Engine(engine string, tokens []durin.Secret, prepared *sql.Stmt, off, missing *durin.Guard) error {
	digests := make([]durin.Digest, len(tokens))
	for i, t := range tokens {
		digests[i] = t.Digest()
	}
	// As a request's: it can be cancelled, and drivers take care of that.
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	var failed error
	look := func(i uint64) {
		var row bare
		if err := row.scan(prepared.QueryRowContext(ctx, digests[measure.Scatter(i, len(tokens))][:])); err != nil {
			failed = err
		}
	}
	verify := func(g *durin.Guard) func(uint64) {
		return func(i uint64) {
			if _, err := g.Verify(ctx, tokens[measure.Scatter(i, len(tokens))]); err != nil {
				failed = err
			}
		}
	}
	for _, goroutines := range []int{1, 2} {
		all, err := measure.Interleave(s.rounds,
			measure.EachOnWall("query", goroutines, 2*s.long, look),
			measure.EachOnWall("check", goroutines, 2*s.long, verify(off)),
			measure.EachOnWall("check with a cache", goroutines, 2*s.long, verify(missing)),
		)
		if err == nil {
			err = failed
		}
		if err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
		by := map[int]string{1: "1 goroutine", 2: "2 goroutines"}[goroutines]
		us := func(x measure.Series) measure.Series { return x.Times(1e-3) }
		s.ratio("F3", "check without cache / bare prepared query, "+engine+", "+by, us(all[1]), us(all[0]), "us", 1.3, false)
		s.ratio("F3", "check that misses the cache / the query, "+engine+", "+by, us(all[2]), us(all[0]), "us", 1.3, false)
	}
	return nil
}

// f3Postgres is f3 on a PostgreSQL server, in a schema that is dropped at the end.
func (s *suite) f3Postgres() error {
	const n = 2000
	db, err := sql.Open("pgx", s.postgres)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	asking, cancel := context.WithTimeout(s.ctx, 2*time.Second)
	defer cancel()
	if err := db.PingContext(asking); err != nil {
		s.add(row{Figure: "F3", What: "PostgreSQL", Value: "not run: no server answers"})
		return nil
	}
	schema := fmt.Sprintf("durin_bench_%d", time.Now().UnixNano())
	if _, err := db.ExecContext(s.ctx, "CREATE SCHEMA "+schema); err != nil {
		return err
	}
	defer func() { _, _ = db.ExecContext(context.WithoutCancel(s.ctx), "DROP SCHEMA "+schema+" CASCADE") }()
	inside, err := sql.Open("pgx", s.postgres+"&search_path="+schema)
	if err != nil {
		return err
	}
	defer func() { _ = inside.Close() }()
	inside.SetMaxOpenConns(4)
	inside.SetMaxIdleConns(4)
	if err := sqlstore.Migrate(s.ctx, inside, sqlstore.PostgreSQL); err != nil {
		return err
	}
	store, err := sqlstore.Open(s.ctx, inside, sqlstore.PostgreSQL, sqlstore.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	open := func(change func(*durin.Options)) (*durin.Guard, error) {
		o := durin.Options{Store: store, ReuseWithoutKey: durin.PolicyReplace}
		change(&o)
		return durin.New(s.ctx, o)
	}
	off, err := open(func(o *durin.Options) { o.CacheTTL = -1 })
	if err != nil {
		return err
	}
	defer func() { _ = off.Close(context.WithoutCancel(s.ctx)) }()
	missing, err := open(func(o *durin.Options) { o.CacheEntries = 64 })
	if err != nil {
		return err
	}
	defer func() { _ = missing.Close(context.WithoutCancel(s.ctx)) }()
	tokens, err := issue(s.ctx, off, n)
	if err != nil {
		return err
	}
	prepared, err := inside.PrepareContext(s.ctx, bareQuery+"$1")
	if err != nil {
		return err
	}
	defer func() { _ = prepared.Close() }()
	return s.f3Engine("PostgreSQL", tokens, prepared, off, missing)
}

func issue(ctx context.Context, g *durin.Guard, n int) ([]durin.Secret, error) {
	if _, err := g.CreateClient(ctx, durin.Client{Name: "web"}); err != nil {
		return nil, err
	}
	tokens := make([]durin.Secret, n)
	for i := range tokens {
		issued, err := g.Issue(ctx, durin.IssueRequest{UserID: dataset.UserName(i), Client: "web"})
		if err != nil {
			return nil, err
		}
		tokens[i] = issued.Token
	}
	return tokens, nil
}

// f5 measures what the cached sessions of a Guard take on the heap.
func (s *suite) f5() error {
	n := s.size
	path, err := s.database(n)
	if err != nil {
		return err
	}
	g, err := target.NewGuard(s.ctx, path, func(o *durin.Options) { o.CacheEntries, o.FlushEvery = n+n/4+64, 24*time.Hour })
	if err != nil {
		return err
	}
	defer g.Close()
	tokens := some(n, n)
	if err := g.Warm(s.ctx, tokens[:n/100]); err != nil { // statements, pools
		return err
	}
	before := measure.Heap()
	if err := g.Warm(s.ctx, tokens[n/100:]); err != nil {
		return err
	}
	per := measure.Series{float64(measure.Heap()-before) / float64(n-n/100)}
	s.value("F5", "memory of a cached session, of "+thousands(n), per, "bytes", 400)
	s.curve("memory", "Durin: a cached session, all of it", float64(n), per)
	return nil
}
