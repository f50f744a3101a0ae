package audit

import (
	"context"
	"errors"
	"time"

	"github.com/durin-go/durin"
)

// Bounds of the failed logins that are told apart between two flushes: by name,
// client and address; beyond, by address; beyond, not at all.
const (
	maxApart     = 200
	maxAddresses = 400
)

// failures counts failed logins between two flushes: under an attack they become
// few rows.
type failures struct {
	by map[failureKey]*failure
}

type failureKey struct{ name, client, address string }

type failure struct {
	row   Row // the first
	count int64
	last  time.Time
	names bool // several names are in one
}

func (f *failures) len() int { return len(f.by) }

// add counts r, whose UserName is the name as it was given.
func (f *failures) add(r Row) {
	if f.by == nil {
		f.by = map[failureKey]*failure{}
	}
	key := failureKey{r.UserName, r.Client, r.Address}
	several := false
	if f.by[key] == nil && len(f.by) >= maxApart {
		key, several = failureKey{address: r.Address}, true
		if f.by[key] == nil && len(f.by) >= maxAddresses {
			key = failureKey{}
		}
	}
	one := f.by[key]
	if one == nil {
		if several {
			r.UserName, r.Client, r.Address, r.Agent, r.RequestID = "", "", key.address, "", ""
		}
		one = &failure{row: r, names: several}
		f.by[key] = one
	}
	one.count++
	one.last = r.At
}

func (f *failures) take() map[failureKey]*failure {
	all := f.by
	f.by = nil
	return all
}

// giveBack adds up what could not be written with what came meanwhile.
func (f *failures) giveBack(all map[failureKey]*failure) {
	for key, one := range all {
		present := f.by[key]
		if present == nil {
			if f.by == nil {
				f.by = map[failureKey]*failure{}
			}
			f.by[key] = one
			continue
		}
		one.count += present.count
		one.last, one.names = present.last, one.names || present.names
		f.by[key] = one
	}
}

// named makes rows of failed logins: with the user, if there is one of that name,
// and without the name if there is none.
func (l *Log) named(ctx context.Context, all map[failureKey]*failure) ([]Row, error) {
	var rows []Row
	for _, one := range all {
		r, name := one.row, one.row.UserName
		r.UserName = ""
		details := map[string]any{}
		if name != "" {
			id, err := l.known(ctx, name)
			switch {
			case err == nil:
				r.UserID, r.UserName = id, name
			case errors.Is(err, durin.ErrNotFound):
				details["user"] = "unknown"
			default:
				return nil, err
			}
		}
		if one.count > 1 {
			details["count"], details["last"] = one.count, one.last.UTC().Format(time.RFC3339)
		}
		if one.names {
			details["user"] = "several"
		}
		r.Details = detailsText(details)
		rows = append(rows, r)
	}
	return rows, nil
}

func (l *Log) known(ctx context.Context, name string) (string, error) {
	if l.opt.KnownUser == nil {
		return "", durin.ErrNotFound
	}
	return l.opt.KnownUser(ctx, name)
}
