package sqlstore

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/durin-go/durin"
)

// A number scans a whole number, or NULL.
type number struct {
	n   int64
	set bool
}

// Scan implements sql.Scanner. Some drivers give numbers as text.
func (v *number) Scan(value any) (err error) {
	switch x := value.(type) {
	case int64:
		*v = number{x, true}
	case nil:
		*v = number{}
	case []byte:
		v.n, err = strconv.ParseInt(string(x), 10, 64)
		v.set = err == nil
	case string:
		v.n, err = strconv.ParseInt(x, 10, 64)
		v.set = err == nil
	default:
		err = fmt.Errorf("sqlstore: a column of numbers has a %T", value)
	}
	return err
}

// instant is the time of a column; NULL is the zero Time.
func (v number) instant() time.Time {
	if !v.set {
		return time.Time{}
	}
	return time.UnixMicro(v.n).UTC()
}

// duration is that of a column; NULL is Never.
func (v number) duration() time.Duration {
	if !v.set {
		return durin.Never
	}
	return time.Duration(v.n) * time.Microsecond
}

// instantOrNull is what a column keeps of t; of the zero Time, NULL.
func instantOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// durationOrNull is what a column keeps of d; of Never, NULL.
func durationOrNull(d time.Duration) any {
	if d == durin.Never {
		return nil
	}
	return d.Microseconds()
}

// bytesOrNull is what a column keeps of a seal; of none, NULL.
func bytesOrNull(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// A digestColumn scans a digest into what it points to.
type digestColumn struct{ d *durin.Digest }

// Scan implements sql.Scanner.
func (c digestColumn) Scan(value any) error {
	switch x := value.(type) {
	case nil:
		*c.d = durin.Digest{}
		return nil
	case []byte:
		if copy(c.d[:], x) == len(c.d) && len(x) == len(c.d) {
			return nil
		}
	}
	return fmt.Errorf("sqlstore: a digest in the database has not %d bytes", len(c.d))
}

// list is a list of n parameters for IN.
func list(n int) string { return "(?" + strings.Repeat(", ?", n-1) + ")" }

// insertInto is an INSERT of one row with those fields, updateSet an UPDATE of
// them.
func insertInto(table, fields string) string {
	return "INSERT INTO " + table + " (" + fields + ") VALUES " + list(strings.Count(fields, ",")+1)
}

func updateSet(table, fields string) string {
	return "UPDATE " + table + " SET " + strings.ReplaceAll(fields, ",", " = ?,") + " = ?"
}

func anys[T any](values []T) []any {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = v
	}
	return all
}
