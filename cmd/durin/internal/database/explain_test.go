package database

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
)

func TestExplain(t *testing.T) {
	file, err := Parse("durin.db")
	if err != nil {
		t.Fatal(err)
	}
	server, err := Parse("postgres://ada:secret@db.example.org/durin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at   Target
		err  error
		want string
	}{
		{file, context.DeadlineExceeded, "locked by another process"},
		{server, context.DeadlineExceeded, "does not answer in time"},
		{server, &net.DNSError{Err: "no such host", Name: "db.example.org"}, "cannot be found"},
		{server, os.NewSyscallError("connect", syscall.ECONNREFUSED), "takes no connection"},
		{server, &pgconn.PgError{Code: "25006"}, "may only be read"},
		{server, &pgconn.PgError{Code: "53100"}, "disk is full"},
		{server, &mysql.MySQLError{Number: 1045}, "refuses the user"},
	} {
		got := c.at.Explain(fmt.Errorf("sqlstore: asking: %w", c.err))
		if !strings.Contains(got.Error(), c.want) || !errors.Is(got, c.err) || strings.Contains(got.Error(), "secret") || strings.Contains(got.Error(), "sqlstore") {
			t.Errorf("%v: %v", c.err, got)
		}
	}
	for _, elsewhere := range []error{
		&net.OpError{Op: "listen", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "nosuch.invalid"}},
		&url.Error{Op: "Get", URL: "http://127.0.0.1:1/limits", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)},
		&url.Error{Op: "Get", URL: "http://127.0.0.1:1/limits", Err: context.DeadlineExceeded},
	} {
		for _, at := range []Target{file, server} {
			if got := at.Explain(elsewhere); got != elsewhere {
				t.Errorf("the database is blamed for %v: %v", elsewhere, got)
			}
		}
	}
	if got := file.Explain(os.NewSyscallError("connect", syscall.ECONNREFUSED)); strings.Contains(got.Error(), "durin.db") {
		t.Errorf("a file is blamed for a connection: %v", got)
	}
	other := errors.New("another")
	if file.Explain(nil) != nil || !errors.Is(server.Explain(other), other) || server.Explain(other).Error() != "another" {
		t.Error("what is not known was changed")
	}
}

func TestExplainFile(t *testing.T) {
	target, err := Parse(t.TempDir() + "/durin.db")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(target.Path, []byte(strings.Repeat("not what you think it is", 99)), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := Open(target, false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = h.Close() }()
	_, err = h.Plan(t.Context())
	if got := target.Explain(err); err == nil || !strings.Contains(got.Error(), "is no database") {
		t.Errorf("%v: %v", err, got)
	}
}
