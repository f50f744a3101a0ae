package backup

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/durin-go/durin/cmd/durin/internal/database"
	"github.com/durin-go/durin/sqlstore"
)

// Native returns the commands of a server database's own tools that write a
// backup to file, and that put it back. They ask for the password, or find it
// where these tools look.
func Native(t database.Target, file string) (backup, restore string) {
	u := t.URL()
	if t.Dialect == sqlstore.PostgreSQL {
		at := quote(libpq(u))
		return "pg_dump --format=custom --no-owner --table='durin_*' --file=" + quote(file) + " " + at,
			"pg_restore --clean --if-exists --no-owner --single-transaction --exit-on-error --dbname=" + at + " " + quote(file)
	}
	with := mysqlFlags(u)
	name := quote(strings.TrimPrefix(u.Path, "/"))
	return "mariadb-dump --single-transaction --hex-blob --no-tablespaces" + with + " --result-file=" + quote(file) + " " + name,
		"mariadb" + with + " " + name + " < " + quote(file)
}

// libpqParams are those parameters of a URL that PostgreSQL's own tools know.
var libpqParams = []string{"sslmode", "sslrootcert", "sslcert", "sslkey", "target_session_attrs", "connect_timeout", "host", "port", "user", "dbname"}

// libpq is the URL without passwords, and without what only our driver knows.
func libpq(u *url.URL) string {
	u = &url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, User: u.User, RawQuery: u.RawQuery}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	query := u.Query()
	for name := range query {
		if !slices.Contains(libpqParams, name) {
			query.Del(name)
		}
	}
	u.RawQuery = query.Encode()
	return u.String()
}

func mysqlFlags(u *url.URL) string {
	var b strings.Builder
	if socket := u.Query().Get("socket"); socket != "" {
		fmt.Fprintf(&b, " --socket=%s", quote(socket))
	} else {
		fmt.Fprintf(&b, " --host=%s", quote(u.Hostname()))
		if port := u.Port(); port != "" {
			b.WriteString(" --port=" + port)
		}
	}
	if name := u.User.Username(); name != "" {
		fmt.Fprintf(&b, " --user=%s", quote(name))
	}
	if _, set := u.User.Password(); set {
		b.WriteString(" --password")
	}
	return b.String()
}

// quote writes s as a word of a shell.
func quote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("./_-+:@%=", r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
