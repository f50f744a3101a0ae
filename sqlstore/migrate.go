package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Migration is a step from one version of the schema to the next.
type Migration struct {
	Version int
	Name    string
	// MinReader is the least version that a program must know to work with
	// this one: it lets programs of the version before run on.
	MinReader  int
	Statements []string
	// Applied is when it was; zero: it was not.
	Applied time.Time
}

// ErrSchema is wrapped by errors about a schema that is missing, older or newer
// than this program can work with.
var ErrSchema = errors.New("the database schema does not fit this program")

//go:embed migrations
var migrations embed.FS

// migrationsOf reads the steps of a dialect, in order. The files are part of the
// program; each begins with a line that tells MinReader.
func migrationsOf(d Dialect) ([]Migration, error) {
	return readMigrations(migrations, path.Join("migrations", string(d)))
}

func readMigrations(files fs.FS, folder string) ([]Migration, error) {
	names, err := fs.Glob(files, folder+"/*.sql")
	if err != nil {
		return nil, err
	}
	var all []Migration
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		m, err := parseMigration(path.Base(name), string(text))
		if err != nil {
			return nil, fmt.Errorf("sqlstore: migration %s: %w", name, err)
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b Migration) int { return cmp.Compare(a.Version, b.Version) })
	for i, m := range all {
		if m.Version != i+1 {
			return nil, fmt.Errorf("sqlstore: migrations in %s: number %d is missing", folder, i+1)
		}
	}
	return all, nil
}

func parseMigration(file, text string) (Migration, error) {
	number, name, _ := strings.Cut(strings.TrimSuffix(file, ".sql"), "_")
	version, err := strconv.Atoi(number)
	if err != nil {
		return Migration{}, errors.New("its name does not begin with a number")
	}
	first, _, _ := strings.Cut(text, "\n")
	least, ok := strings.CutPrefix(first, "-- min-reader: ")
	reader, err := strconv.Atoi(least)
	if !ok || err != nil {
		return Migration{}, errors.New("its first line does not tell min-reader")
	}
	return Migration{Version: version, Name: name, MinReader: reader, Statements: statements(text)}, nil
}

// statements are what stands between the semicolons at the ends of lines,
// without lines of comment.
func statements(text string) []string {
	var all []string
	var one strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "--") {
			continue
		}
		one.WriteString(line)
		if end := strings.TrimRight(line, " \t\r\n"); strings.HasSuffix(end, ";") {
			all = append(all, strings.TrimSuffix(strings.TrimSpace(one.String()), ";"))
			one.Reset()
		}
	}
	if rest := strings.TrimSpace(one.String()); rest != "" {
		all = append(all, rest)
	}
	return all
}

// versionTable is made before any migration, by the same text everywhere.
const versionTable = `CREATE TABLE IF NOT EXISTS durin_schema (
	version    BIGINT NOT NULL PRIMARY KEY,
	name       VARCHAR(64) NOT NULL,
	min_reader BIGINT NOT NULL,
	applied_at BIGINT NOT NULL
)`

// Status returns the migrations that this program knows, and those of later
// programs that were applied, in order. It writes nothing.
func Status(ctx context.Context, db *sql.DB, dialect Dialect) ([]Migration, error) {
	e, err := engineOf(dialect)
	if err != nil {
		return nil, err
	}
	var all []Migration
	err = retry(ctx, func() (err error) { // others may be at the file's first pages
		all, err = status(ctx, session{engine: &e, on: db})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sqlstore: reading the schema's version: %w", err)
	}
	return all, nil
}

// Plan returns the migrations that Migrate would apply, in order. It writes
// nothing.
func Plan(ctx context.Context, db *sql.DB, dialect Dialect) ([]Migration, error) {
	all, err := Status(ctx, db, dialect)
	if err != nil {
		return nil, err
	}
	return pending(all)
}

// Migrate brings the schema up to date. Any number of programs may call it at
// once: one does the work, the others wait for it within ctx. Where the engine
// can take back changes of the schema, all is done in one transaction. The error
// wraps ErrSchema if the database is of a later program that this one cannot work
// with.
func Migrate(ctx context.Context, db *sql.DB, dialect Dialect) error {
	e, err := engineOf(dialect)
	if err != nil {
		return err
	}
	if steps, err := Plan(ctx, db, dialect); err != nil || len(steps) == 0 {
		return err
	}
	err = retry(ctx, func() error { return locked(ctx, &e, db, migrate) })
	if err != nil {
		return fmt.Errorf("sqlstore: migrating: %w", err)
	}
	return nil
}

// migrate applies what is still to apply. It runs under the lock.
func migrate(ctx context.Context, t session) error {
	if err := t.exec(ctx, versionTable); err != nil {
		return err
	}
	all, err := status(ctx, t)
	if err != nil {
		return err
	}
	steps, err := pending(all)
	if err != nil {
		return err
	}
	for _, m := range steps {
		for _, text := range m.Statements {
			if err := t.exec(ctx, text); err != nil {
				return fmt.Errorf("%04d_%s: %w", m.Version, m.Name, err)
			}
		}
		err := t.exec(ctx, insertInto("durin_schema", "version, name, min_reader, applied_at"),
			m.Version, m.Name, m.MinReader, time.Now().UnixMicro())
		if err != nil {
			return fmt.Errorf("%04d_%s: %w", m.Version, m.Name, err)
		}
	}
	return nil
}

// status joins what is known with what is in the database.
func status(ctx context.Context, t session) ([]Migration, error) {
	all, err := migrationsOf(t.dialect)
	if err != nil {
		return nil, err
	}
	var tables int64
	if err := t.row(ctx, t.hasTable, "durin_schema").Scan(&tables); err != nil || tables == 0 {
		return all, err
	}
	scan := func(rows *sql.Rows) error {
		var m Migration
		var at number
		if err := rows.Scan(&m.Version, &m.Name, &m.MinReader, &at); err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(k Migration) bool { return k.Version == m.Version })
		if i < 0 {
			i, all = len(all), append(all, m)
		}
		all[i].MinReader, all[i].Applied = m.MinReader, at.instant()
		return nil
	}
	err = t.each(ctx, scan, "SELECT version, name, min_reader, applied_at FROM durin_schema ORDER BY version")
	return all, err
}

// pending are those of all that were not applied, unless a later program has
// made the database one that this program cannot work with.
func pending(all []Migration) ([]Migration, error) {
	var steps []Migration
	known, latest, needs := 0, 0, 0
	for _, m := range all {
		if m.Statements != nil {
			known = m.Version
			if m.Applied.IsZero() {
				steps = append(steps, m)
			}
		}
		if !m.Applied.IsZero() {
			latest, needs = m.Version, max(needs, m.MinReader)
		}
	}
	if needs > known {
		return nil, fmt.Errorf("sqlstore: the database has version %d and needs a program that knows %d; this one knows %d: %w", latest, needs, known, ErrSchema)
	}
	return steps, nil
}

// checkSchema reports a schema that a Store cannot work with.
func checkSchema(ctx context.Context, e *engine, db *sql.DB) error {
	return retry(ctx, func() error { return checkVersion(ctx, session{engine: e, on: db}) })
}

func checkVersion(ctx context.Context, t session) error {
	all, err := status(ctx, t)
	if err != nil {
		return fmt.Errorf("sqlstore: reading the schema's version: %w", err)
	}
	steps, err := pending(all)
	if err != nil {
		return err
	}
	if len(steps) > 0 {
		return fmt.Errorf("sqlstore: %d migrations up to version %d have not been applied: %w", len(steps), steps[len(steps)-1].Version, ErrSchema)
	}
	return nil
}
