package importer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin/memstore"
	"github.com/durin-go/durin/transfer"
)

// generated is a dump of n users with two tokens each, made while it is read.
type generated struct {
	users, at int
	size, pos int64
	rest      []byte
}

func newGenerated(users int) *generated {
	g := &generated{users: users}
	g.size, _ = io.Copy(io.Discard, onlyReader{g})
	g.at, g.rest, g.pos = 0, nil, 0
	return g
}

func (g *generated) Seek(offset int64, whence int) (int64, error) {
	switch {
	case whence == io.SeekEnd && offset == 0:
		return g.size, nil
	case whence == io.SeekCurrent && offset == 0:
		return g.pos, nil
	case whence == io.SeekStart && offset == 0:
		g.at, g.rest, g.pos = 0, nil, 0
		return 0, nil
	}
	return 0, errors.New("generated: no such place")
}

func (g *generated) Read(p []byte) (int, error) {
	for len(g.rest) == 0 {
		if g.at > 3*g.users+1 {
			return 0, io.EOF
		}
		g.rest = g.piece(g.at)
		g.at++
	}
	n := copy(p, g.rest)
	g.rest, g.pos = g.rest[n:], g.pos+int64(n)
	return n, nil
}

func (g *generated) piece(at int) []byte {
	switch {
	case at == 0:
		return []byte("[" + clientRow(1, "web", "1 00:00:00", "") + ",\n" + clientRow(2, "cli", "30 00:00:00", "10/m"))
	case at <= g.users:
		return fmt.Appendf(nil, ",\n"+`{"model": "auth.user", "pk": %d, "fields": {"password": "pbkdf2_sha256$260000$JTVmNehMPgzUbKYoQHRzO8$86x9X0nB3DftO+jG4yHQBmocguH/L2soroOmsod6fiI=", "last_login": null, "is_superuser": false, "username": "user%d@example.org", "first_name": "", "last_name": "", "email": "", "is_staff": false, "is_active": true, "date_joined": "2025-01-01T00:00:00.%03dZ", "groups": [], "user_permissions": []}}`, at, at, at%1000)
	case at <= 3*g.users:
		n := at - g.users
		return []byte(",\n" + tokenRow(n, fmt.Sprintf("%064x", n), strconv.Itoa((n+1)/2), strconv.Itoa(1+n%2)))
	}
	return []byte("]\n")
}

func TestKillInTheMiddle(t *testing.T) {
	whole := memstore.New()
	dump := newGenerated(500)
	if _, err := Django(t.Context(), dump, whole, Options{Now: testClock}); err != nil {
		t.Fatal(err)
	}
	want := contents(t, whole)
	store := memstore.New()
	for batches := range 20 {
		if _, err := dump.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		// Some batches are written at each run, and then comes the end.
		report, err := Django(t.Context(), dump, &failing{store, 2}, Options{Lenient: batches%2 == 0, Now: testClock})
		if err == nil {
			if got := contents(t, store); !reflect.DeepEqual(got, want) {
				t.Errorf("run %d: %d users, %d tokens, want %d, %d", batches, len(got.Users), len(got.Sessions), len(want.Users), len(want.Sessions))
			}
			if batches < 2 {
				t.Error("no run was interrupted")
			}
			return
		}
		if !errors.Is(err, errKilled) || report == nil {
			t.Fatalf("run %d: %v", batches, err)
		}
	}
	t.Fatal("it never comes to an end")
}

func TestCancellation(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	steps := 0
	opts := Options{Lenient: true, Progress: func(p Progress) {
		if steps++; p.Doing == "writing" {
			cancel()
		}
	}}
	report, err := Django(ctx, newGenerated(1000), memstore.New(), opts)
	if !errors.Is(err, context.Canceled) || report == nil {
		t.Errorf("%v after %d steps", err, steps)
	}
}

func TestProgress(t *testing.T) {
	var last Progress
	_, err := Django(t.Context(), newGenerated(1000), memstore.New(), Options{Progress: func(p Progress) {
		if p.Step < last.Step || p.Step == last.Step && (p.Bytes < last.Bytes || p.Rows < last.Rows) || p.Step > p.Steps || p.Bytes > p.Size {
			t.Errorf("%+v after %+v", p, last)
		}
		last = p
	}})
	if err != nil || last.Step != last.Steps || last.Bytes != last.Size || last.Rows != 3002 || last.Doing != "writing" {
		t.Errorf("at the end %+v, %v", last, err)
	}
}

func TestDryRun(t *testing.T) {
	for _, lenient := range []bool{true, false} {
		for _, name := range []string{"dump-hashers.json", "dump.json"} {
			store := memstore.New()
			opts := Options{DryRun: true, Lenient: lenient, Now: testClock}
			report, err := Django(t.Context(), strings.NewReader(readDump(t, name)), store, opts)
			var rows *RowsError
			if refused := errors.As(err, &rows); refused != (!lenient && name == "dump.json") || err != nil && !refused {
				t.Fatalf("%s: %v", name, err)
			}
			if all := contents(t, store); len(all.Clients)+len(all.Users)+len(all.Sessions) > 0 {
				t.Errorf("a dry run wrote %+v", all)
			}
			opts.DryRun, opts.Lenient = false, true
			written, err := Django(t.Context(), strings.NewReader(readDump(t, name)), store, opts)
			if err != nil {
				t.Fatal(err)
			}
			report.DryRun = false
			if !reflect.DeepEqual(report, written) {
				t.Errorf("%s: the dry run told\n%+v, the import\n%+v", name, report, written)
			}
		}
	}
}

// countingStore takes everything and keeps nothing, so that memory is the
// importer's own.
type countingStore struct {
	measure bool
	rows    int
	biggest uint64
}

func (c *countingStore) Import(_ context.Context, rows []transfer.Row, _ time.Time, dry bool) ([]transfer.Result, error) {
	results := make([]transfer.Result, len(rows))
	for i, row := range rows {
		results[i].ID, _ = strconv.ParseInt(row.Key, 10, 64)
	}
	if c.measure && c.rows%20000 < len(rows) {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		c.biggest = max(c.biggest, m.HeapAlloc)
	}
	if !dry {
		c.rows += len(rows)
	}
	return results, nil
}

func TestMemoryIsBounded(t *testing.T) {
	const users = 20_000
	dump := newGenerated(users)
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	store := &countingStore{measure: true}
	if _, err := Django(t.Context(), dump, store, Options{Lenient: true}); err != nil {
		t.Fatal(err)
	}
	if store.rows != 3*users+2 {
		t.Errorf("%d rows written", store.rows)
	}
	grown := int64(store.biggest) - int64(before.HeapAlloc)
	t.Logf("a dump of %d bytes took %d bytes, %d a row", dump.size, grown, grown/(3*users))
	if grown > 8<<20 {
		t.Errorf("a dump of %d bytes took %d bytes of memory", dump.size, grown)
	}
}

func BenchmarkDjango(b *testing.B) {
	const users = 20_000 // and two tokens each
	text, err := io.ReadAll(newGenerated(users))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Django(b.Context(), bytes.NewReader(text), &countingStore{}, Options{Lenient: true}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*3*users/b.Elapsed().Seconds(), "rows/s")
}
