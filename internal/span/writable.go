package span

import "time"

// Writable is t in loc, held within the years 1 to 9999 there: forms like RFC
// 3339's have four digits for a year, and readers of JSON refuse others. The zero
// Time stays, and no other one becomes it.
func Writable(t time.Time, loc *time.Location) time.Time {
	if t.IsZero() {
		return t
	}
	t = t.In(loc)
	switch year := t.Year(); {
	case year < 1:
		return time.Date(1, time.January, 1, 0, 0, 0, int(time.Microsecond), loc)
	case year > 9999:
		return time.Date(9999, time.December, 31, 23, 59, 59, 999_999_000, loc)
	}
	return t
}
