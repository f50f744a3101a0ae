package importer

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/durin-go/durin/internal/span"
)

// instant reads a field that must be there, in Django's form: ISO 8601 with a
// zone, or without one where the project does not use zones. Other spellings that
// Django's loaddata takes are mended. An instant outside of the years 1 to 9999 in
// UTC, as Python's datetime.max west of Greenwich is, becomes the nearest inside.
func (r *record) instant(name string) time.Time {
	before := len(r.faults)
	text := r.text(name)
	if len(r.faults) > before {
		return time.Time{}
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return r.within(t)
	}
	if t, err := time.ParseInLocation("2006-01-02T15:04:05.999999999", text, r.zone); err == nil {
		r.naive = true
		return r.within(t)
	}
	t, naive, ok := looseInstant(text, r.zone)
	if !ok {
		r.fault(name + " is not an instant like 2026-01-02T15:04:05.678Z")
		return time.Time{}
	}
	r.naive = r.naive || naive
	t = r.within(t)
	r.mends = append(r.mends, fmt.Sprintf("%s %q is read as %s", name, text, t.Format(time.RFC3339Nano)))
	return t
}

func (r *record) optionalInstant(name string) time.Time {
	if _, ok := r.given(name); !ok {
		return time.Time{}
	}
	return r.instant(name)
}

// within holds t in the years that can be written.
func (r *record) within(t time.Time) time.Time {
	held := span.Writable(t, time.UTC)
	if held.IsZero() { // the first instant there is; the zero Time means something else
		return held.Add(time.Microsecond)
	}
	r.clamped = r.clamped || !held.Equal(t)
	return held
}

// loose are the spellings that Django's parse_datetime and parse_date take.
var loose = regexp.MustCompile(`^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,6})\d{0,6})?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?$`)

// looseInstant reads one of them. naive says that it told no zone.
func looseInstant(text string, zone *time.Location) (t time.Time, naive, ok bool) {
	part := loose.FindStringSubmatch(strings.ToUpper(strings.TrimSpace(text)))
	if part == nil {
		return time.Time{}, false, false
	}
	var n [7]int
	for i := range n {
		n[i], _ = strconv.Atoi(part[i+1]) // digits only, or nothing
	}
	micros := n[6]
	for range 6 - len(part[7]) {
		micros *= 10
	}
	naive = part[8] == ""
	switch {
	case part[8] == "Z":
		zone = time.UTC
	case !naive:
		if zone, ok = offset(part[8]); !ok {
			return time.Time{}, false, false
		}
	}
	month, day, hour, minute, second := n[1], n[2], n[3], n[4], n[5]
	if month < 1 || month > 12 || day < 1 || day > time.Date(n[0], time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day() || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false, false
	}
	return time.Date(n[0], time.Month(month), day, hour, minute, second, micros*int(time.Microsecond), zone), naive, true
}

// offset is the zone of +02, +0200 or +02:00.
func offset(text string) (*time.Location, bool) {
	digits := strings.ReplaceAll(text[1:], ":", "") + "00"
	hours, _ := strconv.Atoi(digits[:2])
	minutes, _ := strconv.Atoi(digits[2:4])
	seconds := hours*3600 + minutes*60
	if text[0] == '-' {
		seconds = -seconds
	}
	return time.FixedZone(text, seconds), hours < 24 && minutes < 60
}
