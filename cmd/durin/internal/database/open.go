package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/durin-go/durin/sqlstore"
	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

const (
	// readers is how many queries run at a time on a SQLite file.
	readers = 4
	// writers is how many connections of a SQLite file may write: one does,
	// another looks after the file.
	writers = 2
	// busy is how long SQLite waits for another process's lock.
	busy = 3 * time.Second

	maxIdle = 5 * time.Minute
	maxLife = time.Hour
)

// ErrNoFile: there is no database file yet.
var ErrNoFile = errors.New("there is no database")

// A Handle is an opened database.
type Handle struct {
	Target Target
	DB     *sql.DB
	reader *sql.DB // SQLite: for queries only
	// noPrepare: the connection goes through a pooler that cannot keep
	// prepared statements.
	noPrepare bool
	// KeepUsage and Observe are passed on to the store.
	KeepUsage time.Duration
	Observe   func(ctx context.Context, call string) (context.Context, func(error))
}

// Open opens the database. No connection to a server is made yet. A file that is
// not there is made if create says so, readable by its owner only; else the error
// is ErrNoFile, wrapped.
func Open(t Target, create bool) (*Handle, error) {
	h := &Handle{Target: t}
	var err error
	switch t.Dialect {
	case sqlstore.SQLite:
		err = h.openSQLite(create)
	case sqlstore.PostgreSQL:
		err = h.openPostgres()
	case sqlstore.MySQL:
		err = h.openMySQL()
	default:
		err = errForm
	}
	if err != nil {
		return nil, t.mask(err)
	}
	return h, nil
}

// Store opens the store on h: its schema must be up to date.
func (h *Handle) Store(ctx context.Context) (*sqlstore.Store, error) {
	s, err := sqlstore.Open(ctx, h.DB, h.Target.Dialect, sqlstore.Options{Reader: h.reader, NoPrepare: h.noPrepare, KeepUsage: h.KeepUsage, Observe: h.Observe})
	return s, h.Target.mask(err)
}

// Status tells the migrations of the schema.
func (h *Handle) Status(ctx context.Context) ([]sqlstore.Migration, error) {
	all, err := sqlstore.Status(ctx, h.DB, h.Target.Dialect)
	return all, h.Target.mask(err)
}

// Plan tells the migrations that Migrate would apply.
func (h *Handle) Plan(ctx context.Context) ([]sqlstore.Migration, error) {
	all, err := sqlstore.Plan(ctx, h.DB, h.Target.Dialect)
	return all, h.Target.mask(err)
}

// Migrate brings the schema up to date and tells what it applied.
func (h *Handle) Migrate(ctx context.Context) ([]sqlstore.Migration, error) {
	steps, err := h.Plan(ctx)
	if err != nil || len(steps) == 0 {
		return nil, err
	}
	if err := sqlstore.Migrate(ctx, h.DB, h.Target.Dialect); err != nil {
		return nil, h.Target.mask(err)
	}
	return steps, nil
}

// Close closes all connections.
func (h *Handle) Close() error {
	if h.reader == nil {
		return h.DB.Close()
	}
	return errors.Join(h.reader.Close(), h.DB.Close())
}

// openSQLite opens one handle that writes and one that only reads: readers
// never wait for the writer.
func (h *Handle) openSQLite(create bool) error {
	if err := prepareFile(h.Target.Path, create); err != nil {
		return err
	}
	var err error
	if h.DB, err = sql.Open("sqlite", fileName(h.Target.Path)); err != nil {
		return err
	}
	h.DB.SetMaxOpenConns(writers)
	h.DB.SetMaxIdleConns(writers)
	if h.reader, err = sql.Open("sqlite", fileName(h.Target.Path, "query_only(1)")); err != nil {
		return errors.Join(err, h.DB.Close())
	}
	h.reader.SetMaxOpenConns(h.Target.pool)
	h.reader.SetMaxIdleConns(h.Target.pool)
	h.reader.SetConnMaxIdleTime(maxIdle)
	return nil
}

// fileName is the driver's name of the file, with what holds for each of its
// connections: a commit is on the disk before it is acknowledged.
func fileName(path string, more ...string) string {
	pragmas := append([]string{
		fmt.Sprintf("busy_timeout(%d)", busy.Milliseconds()),
		"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(0)",
	}, more...)
	return FileURL(path, pragmas...) + "&_txlock=immediate"
}

// FileURL is the driver's name of the SQLite file at an absolute path, with pragmas for each of its
// connections.
func FileURL(path string, pragmas ...string) string {
	query := url.Values{"_pragma": pragmas}
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // a drive's letter
	}
	return "file:" + (&url.URL{Path: slashed}).EscapedPath() + "?" + query.Encode()
}

// prepareFile makes sure that the file is there, or may be made: SQLite would
// give it to everybody's eyes.
func prepareFile(path string, create bool) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("the database %s is a folder", path)
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the database: %w", err)
	case !create:
		return fmt.Errorf("%w at %s: durin serve makes it", ErrNoFile, path)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) { // another process was faster
		return nil
	}
	if err != nil {
		return fmt.Errorf("the database cannot be made: %w", err)
	}
	return file.Close()
}

func (h *Handle) openPostgres() error {
	cfg, err := pgx.ParseConfig(h.Target.url.String())
	if err != nil {
		return err
	}
	nameConnection(cfg)
	h.noPrepare = behindPooler(cfg)
	h.DB = stdlib.OpenDB(*cfg)
	h.limit()
	return nil
}

func (h *Handle) openMySQL() error {
	u := h.Target.url
	query := u.Query()
	socket := query.Get("socket")
	query.Del("socket")
	cfg, err := mysql.ParseDSN("/?" + query.Encode())
	if err != nil {
		return err
	}
	cfg.User = u.User.Username()
	cfg.Passwd, _ = u.User.Password()
	cfg.DBName = strings.TrimPrefix(u.Path, "/")
	cfg.Net, cfg.Addr = "tcp", u.Host
	if u.Port() == "" {
		cfg.Addr = u.Hostname() + ":3306"
		if strings.Contains(u.Hostname(), ":") {
			cfg.Addr = "[" + u.Hostname() + "]:3306"
		}
	}
	if socket != "" {
		cfg.Net, cfg.Addr = "unix", socket
	}
	cfg.Logger = &mysql.NopLogger{} // what it would log, calls return
	cfg.ParseTime, cfg.ClientFoundRows, cfg.InterpolateParams = true, true, true
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return err
	}
	h.DB = sql.OpenDB(connector)
	h.limit()
	return nil
}

// limit bounds the pool of connections to a server.
func (h *Handle) limit() {
	h.DB.SetMaxOpenConns(h.Target.pool)
	h.DB.SetMaxIdleConns(h.Target.pool)
	h.DB.SetConnMaxIdleTime(maxIdle)
	h.DB.SetConnMaxLifetime(maxLife)
}

// Reader is the pool of a SQLite file's queries, or nil.
func (h *Handle) Reader() *sql.DB { return h.reader }

// Ping reports whether the database answers.
func (h *Handle) Ping(ctx context.Context) error { return h.Target.mask(h.DB.PingContext(ctx)) }

// Intact has SQLite look for faults in the file; servers look after theirs.
func (h *Handle) Intact(ctx context.Context) error {
	if !h.Target.IsFile() {
		return nil
	}
	var found string
	if err := h.reader.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return &explained{fmt.Sprintf("the database %s %s (%s)", h.Target, Damaged, found), nil}
	}
	return nil
}

// Clock is the time on a database server; a file has none.
func (h *Handle) Clock(ctx context.Context) (at time.Time, known bool, err error) {
	query := ""
	switch h.Target.Dialect {
	case sqlstore.PostgreSQL:
		query = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"
	case sqlstore.MySQL:
		query = "SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)"
	default:
		return time.Time{}, false, nil
	}
	var micro int64
	if err := h.DB.QueryRowContext(ctx, query).Scan(&micro); err != nil {
		return time.Time{}, false, h.Target.mask(err)
	}
	return time.UnixMicro(micro), true, nil
}
