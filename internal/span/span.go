// Package span reads and writes spans of time in the forms that the command
// line and django-rest-durin know, and tells them in words.
package span

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Never is the span of what does not end.
const Never = time.Duration(math.MaxInt64)

const (
	day  = 24 * time.Hour
	week = 7 * day

	// maxText bounds what Parse looks at; its longest sensible input is far
	// shorter.
	maxText = 128
)

// ErrTooLong says that a span is beyond 292 years, the longest that there is
// short of "never".
var ErrTooLong = errors.New(`longer than 292 years; write "never" for what does not end`)

var errForm = errors.New(`not a span of time: write 90m, 12h, 14d, 2w, 30d12h, never, or [DD] [HH:[MM:]]ss[.uuuuuu]`)

// The forms of Django's parse_duration, and Go's with days and weeks.
var (
	clockForm = regexp.MustCompile(`^(?:(-?\d+) (?:days?,? )?)?([-+]?)(?:(?:(\d+):)?(\d+):)?(\d+)(?:[.,](\d{1,6})\d{0,6})?$`)
	daysForm  = regexp.MustCompile(`^(-?\d+) days?$`)
	isoForm   = regexp.MustCompile(`^([-+]?)P(?:(\d+(?:[.,]\d+)?)D)?(?:T(?:(\d+(?:[.,]\d+)?)H)?(?:(\d+(?:[.,]\d+)?)M)?(?:(\d+(?:[.,]\d+)?)S)?)?$`)
	unitForm  = regexp.MustCompile(`^([-+]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h|d|w))+)$`)
	unitPart  = regexp.MustCompile(`([\d.]+)([^\d.]+)`)
)

// Parse reads a span of time. The forms are Go's (90m, 1.5h) with d for 24
// hours and w for seven days (14d, 2w, 30d12h); "never"; and those of
// django-rest-durin: [DD] [HH:[MM:]]ss[.uuuuuu], where a bare number counts
// seconds, "1:2" is minutes and seconds, "3 days 04:05:06", "2 days", and ISO
// 8601's P3DT2H. As there, the sign of the days does not reach the clock behind
// them: "-1 01:00:00" is 23 hours below zero. A negative span is no error.
//
// The error is ErrTooLong or tells the forms.
func Parse(text string) (time.Duration, error) {
	text = strings.Trim(text, " \t\r\n")
	if len(text) > maxText {
		return 0, errForm
	}
	if strings.EqualFold(text, "never") {
		return Never, nil
	}
	if m := unitForm.FindStringSubmatch(text); m != nil {
		return parseUnits(m)
	}
	if m := daysForm.FindStringSubmatch(text); m != nil {
		return parseDays(m[1])
	}
	if m := clockForm.FindStringSubmatch(text); m != nil {
		return parseClock(m)
	}
	if m := isoForm.FindStringSubmatch(text); m != nil {
		return parseISO(m)
	}
	return 0, errForm
}

func parseUnits(m []string) (time.Duration, error) {
	var sum total
	for _, part := range unitPart.FindAllStringSubmatch(m[2], -1) {
		sum.add(part[1], unitOf(part[2]))
	}
	return sum.signed(m[1])
}

func unitOf(name string) time.Duration {
	switch name {
	case "ns":
		return time.Nanosecond
	case "us", "µs", "μs":
		return time.Microsecond
	case "ms":
		return time.Millisecond
	case "s":
		return time.Second
	case "m":
		return time.Minute
	case "h":
		return time.Hour
	case "d":
		return day
	default:
		return week
	}
}

func parseDays(text string) (time.Duration, error) {
	var sum total
	digits, negative := strings.CutPrefix(text, "-")
	sum.add(digits, day)
	if negative {
		return sum.signed("-")
	}
	return sum.signed("")
}

func parseClock(m []string) (time.Duration, error) {
	var days time.Duration
	if m[1] != "" {
		var err error
		if days, err = parseDays(m[1]); err != nil {
			return 0, err
		}
	}
	var sum total
	sum.add(m[3], time.Hour)
	sum.add(m[4], time.Minute)
	sum.add(m[5], time.Second)
	sum.add("0."+m[6], time.Second)
	clock, err := sum.signed(m[2])
	if err != nil {
		return 0, err
	}
	both := days + clock
	if (days > 0 && clock > 0 && both < 0) || (days < 0 && clock < 0 && both >= 0) || both == Never {
		return 0, ErrTooLong
	}
	return both, nil
}

func parseISO(m []string) (time.Duration, error) {
	if m[2]+m[3]+m[4]+m[5] == "" {
		return 0, errForm
	}
	var sum total
	for i, unit := range []time.Duration{day, time.Hour, time.Minute, time.Second} {
		sum.add(strings.Replace(m[2+i], ",", ".", 1), unit)
	}
	return sum.signed(m[1])
}

// A total is a sum of spans, in nanoseconds. Once it has overflowed it stays
// so.
type total struct {
	ns   uint64
	over bool
}

// add adds number times unit; number is decimal, maybe with a fraction, which
// is cut to nanoseconds. An empty number is zero.
func (s *total) add(number string, unit time.Duration) {
	whole, fraction, _ := strings.Cut(number, ".")
	if whole != "" {
		n, err := strconv.ParseUint(whole, 10, 64)
		s.over = s.over || err != nil
		high, low := bits.Mul64(n, uint64(unit))
		s.over = s.over || high != 0
		s.addNS(low)
	}
	rest := uint64(unit)
	var part, scale uint64 = 0, 1
	for _, digit := range []byte(fraction) {
		if scale > rest {
			break
		}
		scale *= 10
		part = part*10 + uint64(digit-'0')
	}
	high, low := bits.Mul64(part, rest)
	part, _ = bits.Div64(high, low, scale)
	s.addNS(part)
}

func (s *total) addNS(ns uint64) {
	sum, carry := bits.Add64(s.ns, ns, 0)
	s.ns, s.over = sum, s.over || carry != 0
}

// signed is the sum with a sign, "-" or something else. Never is not to be had
// by counting.
func (s *total) signed(sign string) (time.Duration, error) {
	switch {
	case s.over, s.ns > 1<<63, sign != "-" && s.ns >= uint64(Never):
		return 0, ErrTooLong
	case sign == "-":
		return time.Duration(-s.ns), nil
	}
	return time.Duration(s.ns), nil
}

// Format writes d in the shortest form that Parse reads back exactly: "14d",
// "1d12h30m", "1.5s", "never".
func Format(d time.Duration) string {
	if d == Never {
		return "never"
	}
	sign, ns := "", uint64(d)
	if d < 0 {
		sign, ns = "-", -ns
	}
	if ns < uint64(time.Second) {
		return sign + strings.Replace(time.Duration(ns).String(), "µ", "u", 1)
	}
	var b strings.Builder
	b.WriteString(sign)
	for _, unit := range []struct {
		name string
		ns   uint64
	}{{"d", uint64(day)}, {"h", uint64(time.Hour)}, {"m", uint64(time.Minute)}} {
		if n := ns / unit.ns; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, unit.name)
		}
		ns %= unit.ns
	}
	if ns > 0 {
		seconds := fmt.Sprintf("%d.%09d", ns/uint64(time.Second), ns%uint64(time.Second))
		b.WriteString(strings.TrimRight(strings.TrimRight(seconds, "0"), ".") + "s")
	}
	return b.String()
}
