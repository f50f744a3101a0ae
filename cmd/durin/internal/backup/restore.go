package backup

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/internal/database"
)

// A Restore is a backup that is ready to be put in the place of a database.
// Prepare makes one; Put or Close ends it.
type Restore struct {
	// Facts are what the backup held.
	Facts Facts
	// Since is what came after it; nil where the database that is there cannot
	// tell, or there is none.
	Since *Since
	// Present says that there is a file to be replaced; Unreadable why nothing
	// can be told of it.
	Present    bool
	Unreadable error

	target string
	copy   string    // beside target, checked, its schema up to date
	old    *sql.DB   // the database that is there; nil: none that can be read
	hold   *sql.Conn // keeps everybody else out of old
}

// Since is how the database that is there differs from the backup.
type Since struct {
	// Issued sessions are not in the backup, and will be gone. Ended ones are,
	// and will be alive again.
	Issued int64 `json:"sessions_issued"`
	Ended  int64 `json:"sessions_ended"`
	// Users and clients that were made, changed (a user: password, state or
	// rank) and deleted.
	UsersMade      int64 `json:"users_made"`
	UsersChanged   int64 `json:"users_changed"`
	UsersDeleted   int64 `json:"users_deleted"`
	ClientsMade    int64 `json:"clients_made"`
	ClientsDeleted int64 `json:"clients_deleted"`
	// LastIssued is when the last of the sessions was issued.
	LastIssued *time.Time `json:"last_issued"`
}

// ErrInUse says that a program has the database open.
var ErrInUse = errors.New("a program has the database open")

// Prepare checks the backup in file, takes a copy of it to the folder of target,
// which is an absolute path,
// brings its schema up to date, and compares it with what is at target. Nobody
// can use that until Put or Close. The error wraps ErrInUse if somebody does.
func Prepare(ctx context.Context, file, target string) (_ *Restore, err error) {
	r := &Restore{target: target}
	defer func() {
		if err != nil {
			_ = r.Close()
		}
	}()
	if from, err := os.Stat(file); err != nil {
		return nil, err
	} else if to, err := os.Stat(target); err == nil && os.SameFile(from, to) {
		return nil, fmt.Errorf("%s is the database itself", file)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return nil, err
	}
	if err := r.takeCopy(ctx, file); err != nil {
		return nil, err
	}
	return r, r.meetOld(ctx)
}

// takeCopy also takes what SQLite has left beside a file that was copied while it
// was in use.
func (r *Restore) takeCopy(ctx context.Context, file string) (err error) {
	if r.copy, err = emptyBeside(r.target); err != nil {
		return err
	}
	if err := copyFile(file, r.copy); err != nil {
		return err
	}
	if err := copyFile(file+"-wal", r.copy+"-wal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if r.Facts, err = examine(ctx, r.copy); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return r.open(ctx, func(h *database.Handle) error {
		if _, err := h.Migrate(ctx); err != nil {
			return err
		}
		store, err := h.Store(ctx)
		if err != nil {
			return err
		}
		return errors.Join(store.ForgetInstallation(ctx), store.Close())
	})
}

// open works on the copy, and leaves it in one file.
func (r *Restore) open(ctx context.Context, work func(*database.Handle) error) error {
	target, err := database.Parse(r.copy)
	if err != nil {
		return err
	}
	h, err := database.Open(target, false)
	if err != nil {
		return err
	}
	if err = errors.Join(work(h), h.Close()); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", database.FileURL(r.copy, "journal_mode(DELETE)"))
	if err != nil {
		return err
	}
	return errors.Join(db.PingContext(ctx), db.Close())
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// meetOld locks the database that is there, and compares.
func (r *Restore) meetOld(ctx context.Context) error {
	if _, err := os.Lstat(r.target); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	r.Present = true
	if isLocked(r.target) {
		return ErrInUse
	}
	err := r.lock(ctx)
	if err == nil {
		r.Since, err = compare(ctx, r.hold, r.copy)
	}
	if isBusy(err) {
		return ErrInUse
	}
	r.Unreadable = err
	return nil
}

// lock opens the old database so that nobody else can. Whatever stood beside it
// is in the one file afterwards.
func (r *Restore) lock(ctx context.Context) (err error) {
	if r.old, err = sql.Open("sqlite", database.FileURL(r.target, "busy_timeout(0)", "locking_mode(EXCLUSIVE)")); err != nil {
		return err
	}
	r.old.SetMaxOpenConns(1)
	if r.hold, err = r.old.Conn(ctx); err != nil {
		return err
	}
	for _, text := range []string{"PRAGMA journal_mode = DELETE", "BEGIN EXCLUSIVE", "COMMIT"} {
		if _, err := r.hold.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// same says that t and b are one session: adopting a token of another library
// and rotating one change the digest of a row, not its id.
const same = "(b.digest = t.digest OR b.id = t.id AND b.created = t.created AND b.user_id = t.user_id)"

// attach makes the tables of another file known as those of backup.
func attach(ctx context.Context, old *sql.Conn, path string) (detach func() error, err error) {
	detach = func() error {
		_, err := old.ExecContext(context.WithoutCancel(ctx), "DETACH backup")
		return err
	}
	if _, err := old.ExecContext(ctx, "ATTACH ? AS backup", path); err != nil {
		return nil, err
	}
	if _, err := old.ExecContext(ctx, "PRAGMA backup.locking_mode = NORMAL"); err != nil {
		return nil, errors.Join(err, detach())
	}
	return detach, nil
}

func compare(ctx context.Context, old *sql.Conn, copied string) (s *Since, err error) {
	detach, err := attach(ctx, old, copied)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, detach()) }()
	s = &Since{}
	var last sql.NullInt64
	err = old.QueryRowContext(ctx, "SELECT "+
		"(SELECT COUNT(*) FROM main.durin_token t WHERE NOT EXISTS (SELECT 1 FROM backup.durin_token b WHERE "+same+")), "+
		"(SELECT COUNT(*) FROM backup.durin_token t WHERE NOT EXISTS (SELECT 1 FROM main.durin_token b WHERE "+same+")), "+
		"(SELECT COUNT(*) FROM main.durin_user WHERE id NOT IN (SELECT id FROM backup.durin_user)), "+
		"(SELECT COUNT(*) FROM main.durin_user t JOIN backup.durin_user b ON b.id = t.id WHERE t.password <> b.password OR t.active <> b.active OR t.admin <> b.admin), "+
		"(SELECT COUNT(*) FROM backup.durin_user WHERE id NOT IN (SELECT id FROM main.durin_user)), "+
		"(SELECT COUNT(*) FROM main.durin_client WHERE id NOT IN (SELECT id FROM backup.durin_client)), "+
		"(SELECT COUNT(*) FROM backup.durin_client WHERE id NOT IN (SELECT id FROM main.durin_client)), "+
		"(SELECT MAX(issued_at) FROM main.durin_token)").
		Scan(&s.Issued, &s.Ended, &s.UsersMade, &s.UsersChanged, &s.UsersDeleted, &s.ClientsMade, &s.ClientsDeleted, &last)
	s.LastIssued = instant(last)
	return s, err
}

// EndAll ends all sessions of the copy, and returns how many there were.
func (r *Restore) EndAll(ctx context.Context, now time.Time) (ended int, err error) {
	err = r.open(ctx, func(h *database.Handle) error {
		store, err := h.Store(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = store.Close() }()
		clients, err := store.Clients(ctx)
		if err != nil {
			return err
		}
		for _, c := range clients {
			gone, err := store.End(ctx, durin.Selection{Client: c.Name}, now)
			if ended += len(gone); err != nil {
				return err
			}
		}
		return nil
	})
	return ended, err
}

// EndEnded ends those sessions of the copy that the database which is there has
// no more.
func (r *Restore) EndEnded(ctx context.Context) (ended int64, err error) {
	if r.Since == nil {
		return 0, errors.New("what was ended since is not known")
	}
	detach, err := attach(ctx, r.hold, r.copy)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, detach()) }()
	result, err := r.hold.ExecContext(ctx, "DELETE FROM backup.durin_token AS t WHERE NOT EXISTS (SELECT 1 FROM main.durin_token b WHERE "+same+")")
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Put puts the backup in place. What was there is kept beside it, under the
// returned name; empty: there was nothing.
func (r *Restore) Put(now time.Time) (aside string, err error) {
	if err := flush(r.copy); err != nil {
		return "", err
	}
	ownAs(r.copy, r.target)
	if runtime.GOOS == "windows" { // open files cannot be moved there
		if err := r.letGo(); err != nil {
			return "", err
		}
	}
	if r.Present {
		aside = freeName(r.target + ".before-restore-" + now.UTC().Format("20060102T150405Z"))
		if err := moveAll(r.target, aside); err != nil {
			return "", err
		}
	}
	if err := os.Rename(r.copy, r.target); err != nil {
		return aside, err
	}
	r.copy = ""
	flushFolder(r.target)
	return aside, nil
}

// freeName is name, or name with a number behind it that nobody has.
func freeName(name string) string {
	free := name
	for n := 2; ; n++ {
		if _, err := os.Lstat(free); err != nil {
			return free
		}
		free = fmt.Sprintf("%s-%d", name, n)
	}
}

// moveAll moves a database with what may stand beside it. The log goes first: a
// new database must never meet it.
func moveAll(from, to string) error {
	for _, more := range []string{"-wal", "-shm", "-journal", ""} {
		if err := os.Rename(from+more, to+more); err != nil && (more == "" || !errors.Is(err, fs.ErrNotExist)) {
			return err
		}
	}
	return nil
}

// Close lets others use the database, and removes what was not put in place.
func (r *Restore) Close() error {
	if r.copy != "" {
		for _, more := range []string{"", "-wal", "-shm", "-journal"} {
			_ = os.Remove(r.copy + more)
		}
	}
	r.copy = ""
	return r.letGo()
}

func (r *Restore) letGo() error {
	var faults []error
	if r.hold != nil {
		faults = append(faults, r.hold.Close())
	}
	if r.old != nil {
		faults = append(faults, r.old.Close())
	}
	r.hold, r.old = nil, nil
	return errors.Join(faults...)
}
