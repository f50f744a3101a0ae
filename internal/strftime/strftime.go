// Package strftime writes instants by the patterns of Python's documentation:
// the setting EXPIRY_DATETIME_FORMAT of django-rest-durin holds such patterns.
package strftime

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// layouts are the directives that package time has, as it writes them. Behind
// those of Python's documentation are some that Linux adds and people use.
var layouts = map[byte]string{
	'a': "Mon", 'A': "Monday", 'd': "02", 'b': "Jan", 'B': "January", 'm': "01", 'y': "06", 'Y': "2006", 'H': "15", 'I': "03", 'p': "PM", 'M': "04", 'S': "05",
	'z': "-0700", 'Z': "MST", 'j': "002", 'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05",
	'D': "01/02/06", 'F': "2006-01-02", 'R': "15:04", 'T': "15:04:05", 'e': "_2", 'h': "Jan",
}

// Format writes t, in its location, by pattern, with the names of the C locale.
// A minus sign behind the percent sign leaves out a number's zeros. What is no
// directive is left as it stands.
func Format(t time.Time, pattern string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(pattern, "%")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		letters := strings.TrimPrefix(rest, "-")
		text, ok := "", letters != ""
		if ok {
			text, ok = directive(t, letters[0])
		}
		if !ok {
			b.WriteByte('%')
			pattern = rest
			continue
		}
		if len(letters) < len(rest) {
			text = unpadded(text)
		}
		b.WriteString(text)
		pattern = letters[1:]
	}
}

// directive is what the letter stands for.
func directive(t time.Time, letter byte) (string, bool) {
	if layout, ok := layouts[letter]; ok {
		return t.Format(layout), true
	}
	day := int(t.Weekday()) // from Sunday
	monday := (day + 6) % 7
	year, week := t.ISOWeek()
	switch letter {
	case '%':
		return "%", true
	case 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000), true
	case 's':
		return strconv.FormatInt(t.Unix(), 10), true
	case 'w':
		return strconv.Itoa(day), true
	case 'u':
		return strconv.Itoa(monday + 1), true
	case 'U':
		return fmt.Sprintf("%02d", (t.YearDay()+6-day)/7), true
	case 'W':
		return fmt.Sprintf("%02d", (t.YearDay()+6-monday)/7), true
	case 'G':
		return fmt.Sprintf("%04d", year), true
	case 'V':
		return fmt.Sprintf("%02d", week), true
	}
	return "", false
}

// unpadded is a number without zeros and blanks before it, and any other text.
func unpadded(text string) string {
	if _, err := strconv.Atoi(strings.TrimSpace(text)); err != nil || len(text) > 3 {
		return text
	}
	if number := strings.TrimLeft(text, " 0"); number != "" {
		return number
	}
	return "0"
}
