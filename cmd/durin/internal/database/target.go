// Package database opens the database that the program is told to use: a SQLite
// file, PostgreSQL or MySQL. The drivers are in here and nowhere else.
package database

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/durin-go/durin/sqlstore"
)

// A Target says where a database is. Make one with Parse.
type Target struct {
	Dialect sqlstore.Dialect
	// Path is of the file, absolute; SQLite only.
	Path string
	url  *url.URL // of a server
	pool int      // most connections
}

const (
	defaultPool = 16
	poolParam   = "pool_max_conns"
	hidden      = "xxxxx"
)

var errForm = errors.New("the database is a path of a file, postgres://user@host/name or mysql://user@host/name")

// Parse reads the path of a SQLite file, or a URL that begins with postgres://,
// postgresql://, mysql:// or mariadb://. The parameters of a URL are the driver's
// own, and pool_max_conns. No error repeats a password.
func Parse(text string) (Target, error) {
	scheme, _, isURL := strings.Cut(text, "://")
	if !isURL {
		return parsePath(text)
	}
	u, err := url.Parse(text)
	if err != nil {
		return Target{}, fmt.Errorf("%s is not a URL: characters of the password that are special in one are written as %%40 for @, %%2F for /, %%20 for a blank", Masked(text))
	}
	t := Target{url: u, pool: defaultPool}
	switch scheme {
	case "postgres", "postgresql":
		t.Dialect = sqlstore.PostgreSQL
	case "mysql", "mariadb":
		t.Dialect = sqlstore.MySQL
	default:
		return Target{}, fmt.Errorf("%q is no scheme of a database: %w", scheme, errForm)
	}
	query := u.Query()
	if n := query.Get(poolParam); n != "" {
		if t.pool, err = strconv.Atoi(n); err != nil || t.pool < 1 {
			return Target{}, fmt.Errorf("%s is %q: write a whole number above zero", poolParam, n)
		}
		query.Del(poolParam)
		u.RawQuery = query.Encode()
	}
	return t, nil
}

func parsePath(text string) (Target, error) {
	if strings.HasPrefix(text, ":memory:") || strings.HasPrefix(text, "file:") || strings.ContainsRune(text, 0) || strings.TrimSpace(text) == "" {
		return Target{}, fmt.Errorf("%q is no path of a file: %w", text, errForm)
	}
	if driverForm.MatchString(text) {
		return Target{}, errForm
	}
	path, err := filepath.Abs(text)
	if err != nil {
		return Target{}, err
	}
	return Target{Dialect: sqlstore.SQLite, Path: path, pool: readers}, nil
}

// IsFile reports whether the database is a file on this machine.
func (t Target) IsFile() bool { return t.url == nil }

// URL is where the server is, with what the driver is told; nil for a file. It
// may hold a password.
func (t Target) URL() *url.URL {
	if t.url == nil {
		return nil
	}
	u := *t.url
	return &u
}

// String is the path, or the URL without its passwords.
func (t Target) String() string {
	if t.url == nil {
		return t.Path
	}
	return Masked(t.url.String())
}

// HasPassword reports whether text, of the form that Parse takes, holds a
// password.
func HasPassword(text string) bool { return strings.Contains(text, "://") && Masked(text) != text }

var (
	// userPart reaches to the last @: whatever a password holds is hidden,
	// also where that makes the URL a bad one.
	userPart   = regexp.MustCompile(`(?s)(://[^/@:?#]*):.*@`)
	driverForm = regexp.MustCompile(`^[^/]*@[a-z]+\(`) // go-sql-driver's own form
	secretPart = regexp.MustCompile(`(?i)([?&][a-z_]*password=)[^&#]*`)
)

// Masked is text with the passwords of a URL made unreadable.
func Masked(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	text = userPart.ReplaceAllString(text, "$1:"+hidden+"@")
	return secretPart.ReplaceAllString(text, "${1}"+hidden)
}

// mask takes the target's passwords out of an error's text.
func (t Target) mask(err error) error { return MaskError(err, t.url) }

// MaskError takes the passwords of a URL, which may be nil, out of an error's
// text. What it had to change wraps nothing.
func MaskError(err error, u *url.URL) error {
	if err == nil || u == nil {
		return err
	}
	text := Masked(err.Error())
	secrets := []string{u.Query().Get("password"), u.Query().Get("sslpassword")}
	if password, ok := u.User.Password(); ok {
		secrets = append(secrets, password, url.QueryEscape(password), url.PathEscape(password))
	}
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, hidden)
		}
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}
