package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// fileCheckEvery is how often the database file is looked at, while the store is
// in use.
const fileCheckEvery = 100 * time.Millisecond

// A file is the SQLite database file at the place where it was opened. SQLite
// goes on in a file that was moved or deleted, and knows nothing of another one
// that took its place; the store must not. The file is only ever looked at from
// outside: opening and closing it would drop the locks that SQLite holds on it
// for this process.
//
// A nil *file is of a database that has none: every method does nothing.
type file struct {
	path  string
	store *Store

	// gate is held for reading by whoever uses the database, and for writing
	// while the connections to a file that is gone are closed.
	gate  sync.RWMutex
	leave func() // of gate, as enter returns it
	// next is when the file is looked at again, in time since start.
	next  atomic.Int64
	start time.Time
	// fault is what is wrong with the file.
	fault atomic.Pointer[fileError]
	// damage is what SQLite said of the file's content when it could not make
	// sense of it: then Ping fails until the file is another one.
	damage atomic.Pointer[fileError]
	// seen is the highest number of an ending that was read.
	seen atomic.Int64

	mu    sync.Mutex // guards what follows
	known fs.FileInfo
	// doubtful says that a connection may be to another file than known.
	doubtful bool
}

type fileError struct{ error }

// watchFile returns the file of s, or nil.
func watchFile(ctx context.Context, s *Store) (*file, error) {
	if s.engine.dialect != SQLite {
		return nil, nil
	}
	path, err := mainFile(ctx, s.db)
	if err != nil || path == "" {
		return nil, err
	}
	if s.reader != s.db {
		other, err := mainFile(ctx, s.reader)
		if err != nil {
			return nil, err
		}
		if other != path {
			return nil, fmt.Errorf("sqlstore: the two handles are of different files: %s and %s", path, other)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: looking at the database file: %w", err)
	}
	f := &file{path: path, store: s, known: info, start: time.Now()}
	f.leave = f.gate.RUnlock
	f.next.Store(int64(fileCheckEvery))
	return f, nil
}

func mainFile(ctx context.Context, db *sql.DB) (string, error) {
	var path sql.NullString
	err := db.QueryRowContext(ctx, "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&path)
	if err != nil {
		return "", fmt.Errorf("sqlstore: asking for the database file: %w", err)
	}
	if path.String == "" {
		return "", nil
	}
	return filepath.Abs(path.String)
}

// enter begins a use of the database, unless something is wrong with its file.
// The use ends with a call of leave.
func (f *file) enter(ctx context.Context) (leave func(), err error) {
	if f == nil {
		return nothing, nil
	}
	if now := int64(time.Since(f.start)); now >= f.next.Load() {
		f.check(ctx, now)
	}
	if fault := f.fault.Load(); fault != nil {
		return nil, fault
	}
	if !f.gate.TryRLock() {
		return nil, errReplaced
	}
	return f.leave, nil
}

func nothing() {}

// saw notes that endings up to seq were read.
func (f *file) saw(seq int64) {
	if f == nil {
		return
	}
	for old := f.seen.Load(); seq > old && !f.seen.CompareAndSwap(old, seq); old = f.seen.Load() {
	}
}

// noteDamage remembers an error that says that the file is damaged.
func (f *file) noteDamage(err error) {
	if f == nil || err == nil || f.damage.Load() != nil {
		return
	}
	for _, words := range []string{"database disk image is malformed", "file is not a database"} {
		if strings.Contains(err.Error(), words) {
			f.damage.Store(&fileError{err})
		}
	}
}

// damaged is what was found wrong with the file's content.
func (f *file) damaged() error {
	if f == nil {
		return nil
	}
	if e := f.damage.Load(); e != nil {
		return e.error
	}
	return nil
}

var errReplaced = errors.New("another database is being taken in use: its file took the place of the one before")

// check looks at the file; one caller does at a time.
func (f *file) check(ctx context.Context, now int64) {
	if !f.mu.TryLock() {
		return
	}
	defer f.mu.Unlock()
	if now < f.next.Load() {
		return
	}
	err := f.look(ctx)
	f.next.Store(int64(time.Since(f.start) + fileCheckEvery))
	if err == nil {
		f.fault.Store(nil)
	} else {
		f.fault.Store(&fileError{err})
	}
}

func (f *file) look(ctx context.Context) error {
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the database file %s is not there any more: %w", f.path, err)
	}
	if err != nil {
		return fmt.Errorf("the database file cannot be looked at: %w", err)
	}
	// An administrator that takes all permission to read away means it, also
	// for a process that may read everything or has the file open.
	if info.Mode().Perm()&0o444 == 0 {
		return fmt.Errorf("the database file %s may not be read: its mode is %v", f.path, info.Mode().Perm())
	}
	if os.SameFile(info, f.known) && !f.doubtful {
		return nil
	}
	// Until nobody uses the old file any more, nobody may begin to.
	f.fault.Store(&fileError{errReplaced})
	if !f.gate.TryLock() {
		return errReplaced
	}
	defer f.gate.Unlock()
	f.doubtful = true
	if err := f.adopt(ctx); err != nil {
		return fmt.Errorf("another file took the place of the database %s: %w", f.path, err)
	}
	f.known, f.doubtful = info, false
	f.damage.Store(nil)
	return nil
}

// adopt closes all connections to the file that is gone and takes the one in its
// place in use. An ending above all that were read so far tells everybody to
// forget everything.
func (f *file) adopt(ctx context.Context) error {
	s := f.store
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
	defer cancel()
	if err := drain(ctx, s.db); err != nil {
		return err
	}
	if s.reader != s.db {
		if err := drain(ctx, s.reader); err != nil {
			return err
		}
	}
	if err := checkSchema(ctx, &s.engine, s.db); err != nil {
		return err
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return alone(ctx, conn, func(tx *sql.Tx) error {
		return session{engine: &s.engine, on: tx}.exec(ctx, "INSERT INTO durin_outbox (seq, at, gone) SELECT MAX(?, COALESCE(MAX(seq), 0)) + 1, ?, 0 FROM durin_outbox",
			f.seen.Load(), time.Now().UnixMicro())
	})
}

// drain closes the connections of db that nobody uses, and those that are being
// used as soon as they come back. The first one writes what stands in the
// write-ahead log into the file that it belongs to: SQLite would leave it behind,
// at the place where the new file finds it and takes it for its own.
func drain(ctx context.Context, db *sql.DB) error {
	for first := true; db.Stats().OpenConnections > 0; first = false {
		if err := ctx.Err(); err != nil {
			return err
		}
		conn, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		if first {
			_, _ = conn.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
		}
		discard(conn)
		_ = conn.Close()
	}
	return nil
}
