package throttle

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Rate allows N requests in any window of Period. The zero Rate is unset:
// whoever has it falls back to a default, or is not limited. A Rate with a
// Period and N of 0 blocks.
type Rate struct {
	N      int
	Period time.Duration // a second, a minute, an hour or a day
}

// maxRate bounds N of a rate that ParseRate takes.
const maxRate = 1_000_000_000

// IsSet reports whether r says anything.
func (r Rate) IsSet() bool { return r.Period > 0 }

// String is the short form, "100/h", and "" for an unset rate.
func (r Rate) String() string {
	if !r.IsSet() {
		return ""
	}
	switch r.Period {
	case time.Second:
		return strconv.Itoa(r.N) + "/s"
	case time.Minute:
		return strconv.Itoa(r.N) + "/m"
	case time.Hour:
		return strconv.Itoa(r.N) + "/h"
	case 24 * time.Hour:
		return strconv.Itoa(r.N) + "/d"
	}
	return strconv.Itoa(r.N) + "/" + r.Period.String()
}

// ParseRate reads "N/period" with a period of s, m, h, d or their long words
// (sec, second, min, minute, hour, day, each also in the plural). As in
// django-rest-durin N may have blanks around it, a plus sign and single
// underscores between digits: " 1_000 /d". The empty text is the unset Rate. A
// negative N is an error: 0 blocks.
func ParseRate(text string) (Rate, error) {
	if strings.TrimSpace(text) == "" {
		return Rate{}, nil
	}
	count, period, found := strings.Cut(text, "/")
	if !found || strings.Contains(period, "/") {
		return Rate{}, fmt.Errorf("%q is not a rate: write a number, a slash and s, m, h or d, like 100/h", text)
	}
	n, ok := parseCount(count)
	if !ok {
		return Rate{}, fmt.Errorf("%q is not a rate: %q is not a whole number from 0 to %d", text, strings.TrimSpace(count), maxRate)
	}
	switch strings.TrimSpace(period) {
	case "s", "sec", "secs", "second", "seconds":
		return Rate{n, time.Second}, nil
	case "m", "min", "mins", "minute", "minutes":
		return Rate{n, time.Minute}, nil
	case "h", "hour", "hours":
		return Rate{n, time.Hour}, nil
	case "d", "day", "days":
		return Rate{n, 24 * time.Hour}, nil
	}
	return Rate{}, fmt.Errorf("%q is not a rate: %q is not one of s, m, h, d", text, strings.TrimSpace(period))
}

// parseCount reads a whole number the way Python's int() does, ASCII digits
// only.
func parseCount(text string) (int, bool) {
	text = strings.TrimPrefix(strings.TrimSpace(text), "+")
	if text == "" || text[0] == '_' || text[len(text)-1] == '_' || strings.Contains(text, "__") {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.ReplaceAll(text, "_", ""), 10, 32)
	return int(n), err == nil && n <= maxRate
}
