package dataset

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/durin-go/durin/sqlstore"
)

// Scattered are databases as they become over time, on any engine: neighbours
// in the table are tokens of users who have nothing to do with each other, each
// token has an expiry of its own, each user and client has its slot, and some
// tokens have expired for two days. They have the same tokens as those of
// Generate.

const (
	// stride, modulo any power of ten, visits all numbers in a jumble.
	stride = 7368787
	// mostExpired is how many tokens are expired at most.
	mostExpired = 100_000

	expiredFor = 48 * time.Hour
	device     = "laptop"
	address    = "192.0.2.7"
	agent      = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
)

// Expired is how many of n scattered tokens have expired: of the last client's.
func Expired(n int) int { return min(mostExpired, n/TokensPerUser) }

// IsExpired reports whether the i-th of n is one of them.
func IsExpired(i, n int) bool {
	every := n / TokensPerUser / Expired(n)
	return i%TokensPerUser == TokensPerUser-1 && i/TokensPerUser%every == 0
}

// ScatterSQLite fills a new file with n tokens, a power of ten.
func ScatterSQLite(ctx context.Context, path string, n int, hash string) error {
	if err := generate(ctx, path, n, hash, scattered(n), nil); err != nil {
		return err
	}
	db, err := Open(path, "synchronous(OFF)")
	if err != nil {
		return err
	}
	defer db.Close()
	for _, text := range []string{slots, "PRAGMA wal_checkpoint(TRUNCATE)"} {
		if _, err := db.Writer.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	return file.Sync() // or what is measured next waits for it
}

const slots = "INSERT INTO durin_slot (user_id, client_id, touched) SELECT user_id, client_id, created FROM durin_token ORDER BY user_id, client_id"

// scattered is the row that comes as the i-th.
func scattered(n int) func(i int) []any {
	at := time.Now()
	now, past, next := at.UnixMicro(), at.Add(-expiredFor).UnixMicro(), at.Add(24*time.Hour).UnixMicro()
	return func(i int) []any {
		j := int(int64(i) * stride % int64(n))
		user := j/TokensPerUser + 1
		digest := Token(j).Digest()
		expires := next + int64(j)*48271%31_536_000*1_000_000
		if IsExpired(j, n) {
			expires = past + int64(i)
		}
		return []any{i + 1, digest[:], strconv.Itoa(user), user, j%TokensPerUser + 1, now, now, expires, device, address, agent}
	}
}

// ScatterPostgres fills the empty tables that store has on db with n tokens, a
// power of ten: by the server itself, in a minute for each million or less.
func ScatterPostgres(ctx context.Context, db *sql.DB, store *sqlstore.Store, n int, hash string) error {
	if err := clients(ctx, store); err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	again, err := loosen(ctx, conn)
	if err != nil {
		return err
	}
	at := time.Now()
	numbers := strings.NewReplacer("{n}", strconv.Itoa(n), "{users}", strconv.Itoa((n+TokensPerUser-1)/TokensPerUser),
		"{each}", strconv.Itoa(TokensPerUser), "{stride}", strconv.Itoa(stride), "{every}", strconv.Itoa(n/TokensPerUser/Expired(n)),
		"{now}", fmt.Sprint(at.UnixMicro()), "{past}", fmt.Sprint(at.Add(-expiredFor).UnixMicro()), "{next}", fmt.Sprint(at.Add(24*time.Hour).UnixMicro()),
		"{hash}", hash, "{device}", device, "{address}", address, "{agent}", agent)
	texts := append([]string{"SET maintenance_work_mem = '512MB'", "SET synchronous_commit = off", postgresUsers, postgresTokens, slots}, again...)
	for _, text := range append(texts, "RESET synchronous_commit", "VACUUM ANALYZE durin_user, durin_token, durin_slot, durin_client") {
		if _, err := conn.ExecContext(ctx, numbers.Replace(text)); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	return nil
}

// The same rows as those of scattered.
const (
	postgresUsers = `INSERT INTO durin_user (id, name, password, active, admin, created)
SELECT i, 'user-' || lpad(i::text, 7, '0') || '@example.org', '{hash}', 1, 0, {now} FROM generate_series(1, {users}) AS i`

	postgresTokens = `INSERT INTO durin_token (digest, user_id, owner, client_id, created, issued_at, expires, name, address, agent)
SELECT sha256(convert_to(encode(sha256(convert_to('token ' || j, 'UTF8')), 'hex'), 'UTF8')),
	(j / {each} + 1)::text, j / {each} + 1, j % {each} + 1, {now}, {now},
	CASE WHEN j % {each} = {each} - 1 AND j / {each} % {every} = 0 THEN {past} + i ELSE {next} + j * 48271 % 31536000 * 1000000 END,
	'{device}', '{address}', '{agent}'
FROM (SELECT i, i * {stride} % {n} AS j FROM generate_series(0::bigint, {n} - 1) AS i) AS numbered`
)

// loosen drops what would have to be kept in order while rows come, and returns
// what makes it again.
func loosen(ctx context.Context, conn *sql.Conn) ([]string, error) {
	rows, err := conn.QueryContext(ctx, `SELECT format('ALTER TABLE durin_token DROP CONSTRAINT %I', conname), format('ALTER TABLE durin_token ADD CONSTRAINT %I %s', conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE conrelid = to_regclass('durin_token') AND contype IN ('p', 'u')
UNION ALL SELECT format('DROP INDEX %I', indexname), indexdef FROM pg_indexes
WHERE tablename = 'durin_token' AND schemaname = current_schema() AND indexname NOT IN (SELECT conname FROM pg_constraint)`)
	if err != nil {
		return nil, err
	}
	var off, again []string
	for rows.Next() {
		var drop, make string
		if err := rows.Scan(&drop, &make); err != nil {
			return nil, err
		}
		off, again = append(off, drop), append(again, make)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for _, text := range off {
		if _, err := conn.ExecContext(ctx, text); err != nil {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
	}
	return again, nil
}
