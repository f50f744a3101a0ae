// Package backup copies a SQLite database while it is in use, and puts a copy
// back in its place. Server databases have tools of their own: Native tells what
// to type.
package backup

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/durin-go/durin/cmd/durin/internal/database"
	"github.com/durin-go/durin/internal/span"
)

// Options say how Take goes about it.
type Options struct {
	// Replace says that a file which is there already is overwritten.
	Replace bool
	// Progress hears, from another goroutine, how much of about how many bytes
	// was written. Nil: nobody does.
	Progress func(done, of int64)
}

const progressEvery = 200 * time.Millisecond

// Take writes a copy of the database to path, as it is at one instant, readable
// by its owner only, whole or not at all. Others go on writing meanwhile: SQLite
// keeps what they write apart until the copy is done. The copy is checked before
// it is put in place. The error wraps fs.ErrExist if path is there and may not be
// replaced.
func Take(ctx context.Context, db *sql.DB, path string, o Options) (Facts, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return Facts{}, err
	}
	if _, err := os.Lstat(path); err == nil && !o.Replace {
		return Facts{}, fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	part, err := emptyBeside(path)
	if err != nil {
		return Facts{}, err
	}
	defer func() { _ = os.Remove(part) }()
	if err := copyInto(ctx, db, part, o.Progress); err != nil {
		return Facts{}, fmt.Errorf("writing the backup: %w", err)
	}
	facts, err := examine(ctx, part)
	if err != nil {
		return facts, fmt.Errorf("the backup that was just written: %w", err)
	}
	return facts, place(part, path, o.Replace)
}

// emptyBeside makes an empty file with a name of its own in path's folder.
func emptyBeside(path string) (string, error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".part-*") // mode 0600
	if err != nil {
		return "", err
	}
	return file.Name(), file.Close()
}

func copyInto(ctx context.Context, db *sql.DB, part string, progress func(done, of int64)) error {
	if progress != nil {
		var pages, size int64
		if err := db.QueryRowContext(ctx, "SELECT page_count, page_size FROM pragma_page_count, pragma_page_size").Scan(&pages, &size); err != nil {
			return err
		}
		defer watch(part, pages*size, progress)()
	}
	_, err := db.ExecContext(ctx, "VACUUM INTO ?", part)
	return err
}

// watch reports how large a file has become, until the returned function is
// called.
func watch(path string, of int64, progress func(done, of int64)) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				if info, err := os.Stat(path); err == nil {
					progress(info.Size(), of)
				}
			}
		}
	}()
	return func() { close(done); <-ended }
}

// place makes sure that the file is on the disk, and gives it its name.
func place(part, path string, replace bool) error {
	if err := flush(part); err != nil {
		return err
	}
	if replace {
		if err := os.Rename(part, path); err != nil {
			return err
		}
	} else if err := os.Link(part, path); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s: %w", path, fs.ErrExist)
	} else if err != nil { // file systems without links
		if err := os.Rename(part, path); err != nil {
			return err
		}
	}
	flushFolder(path)
	return nil
}

func flush(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// flushFolder makes a new name in path's folder last; not every system can.
func flushFolder(path string) {
	if folder, err := os.Open(filepath.Dir(path)); err == nil {
		_ = folder.Sync()
		_ = folder.Close()
	}
}

// Facts are what a database holds.
type Facts struct {
	Schema   int   `json:"schema"`
	Clients  int64 `json:"clients"`
	Users    int64 `json:"users"`
	Sessions int64 `json:"sessions"`
	// LastIssued and LastEnded are the instants of the last token and of the
	// last ending; nil: there is none, or none is remembered.
	LastIssued *time.Time `json:"last_issued"`
	LastEnded  *time.Time `json:"last_ended"`
	// Keys are the ids of the keys that sealed tokens need.
	Keys []string `json:"keys"`
	// AuditKeys are the ids of the keys that the audit log was signed with at its
	// ends.
	AuditKeys []string `json:"audit_keys"`
}

// examine checks every page of a database file, and tells what is in it.
func examine(ctx context.Context, path string) (f Facts, err error) {
	db, err := sql.Open("sqlite", database.FileURL(path, "busy_timeout(3000)"))
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if err := intact(ctx, db); err != nil {
		return f, err
	}
	return factsOf(ctx, db)
}

// ErrDamaged is wrapped by errors about files that are no whole database of
// Durin's.
var ErrDamaged = errors.New("this is no whole database of Durin's")

func intact(ctx context.Context, db *sql.DB) error {
	var said string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&said); err != nil {
		return fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	if said != "ok" {
		return fmt.Errorf("%w: %s", ErrDamaged, said)
	}
	var tables int
	err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name IN ('durin_schema', 'durin_token', 'durin_user', 'durin_client')").Scan(&tables)
	if err == nil && tables != 4 {
		return fmt.Errorf("%w: it has other tables", ErrDamaged)
	}
	return err
}

func factsOf(ctx context.Context, db *sql.DB) (f Facts, err error) {
	var issued, ended sql.NullInt64
	err = db.QueryRowContext(ctx, "SELECT (SELECT MAX(version) FROM durin_schema), (SELECT COUNT(*) FROM durin_client), (SELECT COUNT(*) FROM durin_user), "+
		"(SELECT COUNT(*) FROM durin_token), (SELECT MAX(issued_at) FROM durin_token), (SELECT MAX(at) FROM durin_outbox WHERE gone = 1)").
		Scan(&f.Schema, &f.Clients, &f.Users, &f.Sessions, &issued, &ended)
	if err != nil {
		return f, err
	}
	f.LastIssued, f.LastEnded = instant(issued), instant(ended)
	if f.Keys, err = texts(ctx, db, "SELECT DISTINCT lower(hex(substr(seal, 1, 4))) FROM durin_token WHERE seal IS NOT NULL ORDER BY 1"); err != nil {
		return f, err
	}
	logs, err := texts(ctx, db, "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'durin_audit_chain'")
	if f.AuditKeys = []string{}; err != nil || len(logs) == 0 { // made before there was a log
		return f, err
	}
	f.AuditKeys, err = texts(ctx, db, "SELECT key_id FROM durin_audit_chain WHERE key_id <> '' UNION SELECT first_key FROM durin_audit_chain WHERE first_key <> '' ORDER BY 1")
	return f, err
}

// texts are what a query answers with, a text each row.
func texts(ctx context.Context, db *sql.DB, query string) (_ []string, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	all := []string{}
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}

func instant(micros sql.NullInt64) *time.Time {
	if !micros.Valid {
		return nil
	}
	t := span.Writable(time.UnixMicro(micros.Int64), time.UTC)
	return &t
}
