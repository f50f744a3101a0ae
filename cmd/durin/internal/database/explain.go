package database

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// An explained error says what is wrong with the database and what mends it; the
// driver's error stands behind it.
type explained struct {
	text  string
	cause error
}

func (e *explained) Error() string { return e.text }

func (e *explained) Unwrap() error { return e.cause }

// Explain puts what a driver says of the database into words of the one who has
// to mend it. Errors that it does not know stay as they are.
func (t Target) Explain(err error) error {
	if elsewhere(err) {
		return err
	}
	words := ""
	var (
		file   *sqlite.Error
		pg     *pgconn.PgError
		my     *mysql.MySQLError
		lookup *net.DNSError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &file):
		words = fileWords[file.Code()&0xff]
	case errors.As(err, &pg):
		words = postgresWords[pg.Code]
		if pg.Code == noPrivilege {
			words = t.grantPostgres(pg.Message)
		}
	case errors.As(err, &my):
		words = mysqlWords[my.Number]
		if slices.Contains(noMySQLPrivilege, my.Number) {
			words = t.grantMySQL(my.Message)
		}
	case errors.Is(err, context.DeadlineExceeded) && t.IsFile():
		words = locked
	case t.IsFile(): // nobody is asked over a network
	case errors.As(err, &lookup):
		words = "cannot be found: no name server knows its name, or none answers; see that the name in the setting db is right"
	case errors.Is(err, syscall.ECONNREFUSED):
		words = "takes no connection: see that the server runs, and listens there"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		words = "does not answer in time: see that the server runs, and that nothing holds its locks"
	}
	if words == "" {
		return err
	}
	return &explained{fmt.Sprintf("the database %s %s", t, words), err}
}

// elsewhere reports an error of something else than the database: of an address that
// is to be listened on, or of another server that is asked.
func elsewhere(err error) bool {
	var listen *net.OpError
	var asked *url.Error
	return errors.As(err, &listen) && listen.Op == "listen" || errors.As(err, &asked)
}

// noPrivilege and noMySQLPrivilege: the user may not do what is needed.
const noPrivilege = "42501"

var noMySQLPrivilege = []uint16{1044, 1142, 1143, 1227}

// grantPostgres says what to type where the user lacks a right. Since PostgreSQL 15
// nobody but its owner may make tables in the schema public.
func (t Target) grantPostgres(message string) string {
	user, name := t.names()
	return fmt.Sprintf("gives this user too few rights (%s): as its owner or an administrator run in psql\n"+
		"  \\connect %s\n  GRANT USAGE, CREATE ON SCHEMA public TO %s;\n"+
		"if its tables belong to somebody else, make this user their owner: ALTER TABLE … OWNER TO %[3]s;", message, quoted(name, `"`), quoted(user, `"`))
}

// grantMySQL is grantPostgres for MySQL and MariaDB.
func (t Target) grantMySQL(message string) string {
	user, name := t.names()
	return fmt.Sprintf("gives this user too few rights, or is not there (%s): as an administrator run\n"+
		"  CREATE DATABASE IF NOT EXISTS %s;\n  GRANT ALL ON %[2]s.* TO '%s'@'%%';\nwith the host of the user's account in the place of %%", message, quoted(name, "`"), user)
}

// names are the user and the database of the target.
func (t Target) names() (user, database string) {
	user, database = t.url.User.Username(), strings.TrimPrefix(t.url.Path, "/")
	if user == "" {
		user = t.url.Query().Get("user")
	}
	if database == "" {
		database = user
	}
	return user, database
}

// quoted is a name as it has to be written in SQL.
func quoted(name, mark string) string {
	if name != "" && !strings.ContainsFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && r != '_' }) {
		return name
	}
	return mark + strings.ReplaceAll(name, mark, mark+mark) + mark
}

const (
	locked   = "is locked by another process: wait until that is done, or end it, and try again"
	diskFull = "has no room: its disk is full; make room, and try again"
	readOnly = "may only be read: see that this user may write it, and that it is the primary server"
	refused  = "refuses the user or the password: see the setting db"
	unknown  = "is not there: make it on the server, or see the setting db"
)

// The kinds of errors, by the engines' numbers.
var (
	fileWords = map[int]string{
		sqlite3.SQLITE_BUSY:     locked,
		sqlite3.SQLITE_LOCKED:   locked,
		sqlite3.SQLITE_FULL:     diskFull,
		sqlite3.SQLITE_READONLY: "may not be written: see that this user may write the file and its folder",
		sqlite3.SQLITE_CANTOPEN: "cannot be opened: see that this user may write the file and its folder",
		sqlite3.SQLITE_PERM:     "may not be written: see that this user may write the file and its folder",
		sqlite3.SQLITE_IOERR:    "cannot be read or written: its disk is full, or has a fault",
		sqlite3.SQLITE_CORRUPT:  Damaged,
		sqlite3.SQLITE_NOTADB:   "is no database, or is damaged: see the setting db, or bring a backup back",
	}
	postgresWords = map[string]string{
		"53100": diskFull, "25006": readOnly, "28P01": refused, "28000": refused, "3D000": unknown,
		"53300": "has no connection to spare: lower pool_max_conns of the nodes, or allow more on the server",
		"57P03": "is starting or stopping: try again",
	}
	mysqlWords = map[uint16]string{
		1021: diskFull, 1114: diskFull, 1290: readOnly, 1836: readOnly, 1045: refused, 1049: unknown,
		1040: "has no connection to spare: lower pool_max_conns of the nodes, or allow more on the server",
		1205: locked,
	}
)

// Damaged says what to do about a file with a fault in it.
const Damaged = "is damaged: stop the server and bring a backup back, or save what can be read with sqlite3's .recover"
