package span

import (
	"fmt"
	"strconv"
	"time"
)

// Words tells d as django-rest-durin does ("a day", "1 year, 2 months"): by
// the rules of Python's humanize.naturaldelta, which drops what is below a
// second and the sign. Never is "never".
func Words(d time.Duration) string {
	if d == Never {
		return "never"
	}
	seconds := int64(d / time.Second)
	if d%time.Second < 0 {
		seconds--
	}
	return words(seconds)
}

// Between tells the span from one instant to another in the words of Words,
// also where it is longer than a time.Duration can be.
func Between(from, to time.Time) string {
	seconds := to.Unix() - from.Unix()
	if to.Nanosecond() < from.Nanosecond() {
		seconds--
	}
	return words(seconds)
}

// words tells whole seconds, rounded down. Days are rounded down as well before
// the sign is dropped: a second ago is "a day", as in the reference.
func words(seconds int64) string {
	days := seconds / 86400
	seconds %= 86400
	if seconds < 0 {
		days, seconds = days-1, seconds+86400
	}
	if days < 0 {
		days = -days
	}
	years, days := days/365, days%365
	months := days * 2 / 61 // of 30.5 days
	switch {
	case years == 0 && days == 0:
		return clockWords(seconds)
	case years == 0 && months == 0:
		return count(days, "a day", "days")
	case years == 0:
		return count(months, "a month", "months")
	case years > 1:
		return group(years) + " years"
	case days == 0:
		return "a year"
	case months == 0:
		return "1 year, " + count(days, "1 day", "days")
	default:
		return "1 year, " + count(months, "1 month", "months")
	}
}

func clockWords(seconds int64) string {
	switch {
	case seconds == 0:
		return "a moment"
	case seconds < 60:
		return count(seconds, "a second", "seconds")
	case seconds < 3600:
		return count(seconds/60, "a minute", "minutes")
	default:
		return count(seconds/3600, "an hour", "hours")
	}
}

func count(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// group writes n with a comma between thousands.
func group(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
