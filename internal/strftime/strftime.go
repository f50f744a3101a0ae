// Package strftime writes instants by the patterns of C's strftime, as Python
// on Linux does: the setting EXPIRY_DATETIME_FORMAT of django-rest-durin holds
// such patterns.
package strftime

import (
	"strconv"
	"strings"
	"time"
)

// maxWidth bounds the width that a pattern can ask for.
const maxWidth = 1024

// Format writes t, in its location, by pattern. It knows the directives of
// Python's documentation and those that the GNU C library adds, with its flags
// (_ - 0 ^ #), widths and modifiers, in the C locale. What is no directive is
// left as it stands. %f has six digits; %s counts seconds since 1970.
func Format(t time.Time, pattern string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(pattern, "%")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		d, n := parse(rest)
		text, ok := d.text(t)
		if !ok {
			text = d.unknown("%" + rest[:n])
		}
		b.WriteString(text)
		pattern = rest[n:]
	}
}

// A directive is what stands between a percent sign and its letter, with the
// letter.
type directive struct {
	padding      byte // one of _ - 0, or zero
	upper, other bool // the flags ^ and #
	width        int
	modifier     byte // E, O or zero
	letter       byte // zero at the pattern's end
}

// parse reads a directive behind its percent sign, and says how long it is.
func parse(s string) (d directive, n int) {
	at := func() byte {
		if n < len(s) {
			return s[n]
		}
		return 0
	}
	for ; strings.IndexByte("_-0^#", at()) >= 0 && at() != 0; n++ {
		switch s[n] {
		case '^':
			d.upper = true
		case '#':
			d.other = true
		default:
			d.padding = s[n]
		}
	}
	for ; at() >= '0' && at() <= '9'; n++ {
		d.width = min(d.width*10+int(s[n]-'0'), maxWidth)
	}
	if at() == 'E' || at() == 'O' {
		d.modifier = s[n]
		n++
	}
	if d.letter = at(); d.letter != 0 {
		n++
	}
	return d, n
}

// text is the directive's text for t; it is not ok where the GNU C library has
// none.
func (d directive) text(t time.Time) (text string, ok bool) {
	if !d.takesModifier() {
		return "", false
	}
	if text, ok := d.words(t); ok {
		return text, true
	}
	if value, digits, fill, ok := number(d.letter, t); ok {
		return d.number(value, digits, fill), true
	}
	if sub := composed(d.letter); sub != "" {
		text := Format(t, sub)
		if d.upper {
			text = strings.ToUpper(text)
		}
		return d.pad(text, ' '), true
	}
	return "", false
}

// takesModifier says whether the directive's modifier goes with its letter.
func (d directive) takesModifier() bool {
	switch d.modifier {
	case 'E':
		return strings.IndexByte("cCxXyYpPrRTsu%nt", d.letter) >= 0
	case 'O':
		return strings.IndexByte("bBhdeHIkljMmSuUVgGWwyCsPpnrRtTzZ%", d.letter) >= 0
	}
	return true
}

// unknown writes what is no directive as it stands, in capitals with the flag ^.
func (d directive) unknown(text string) string {
	if d.upper {
		capitals := []byte(text) // which may end within a character
		for i, c := range capitals {
			if c >= 'a' && c <= 'z' {
				capitals[i] = c - 'a' + 'A'
			}
		}
		text = string(capitals)
	}
	return d.pad(text, ' ')
}

// composed is the pattern that a letter stands for.
func composed(letter byte) string {
	switch letter {
	case 'c':
		return "%a %b %e %H:%M:%S %Y"
	case 'x', 'D':
		return "%m/%d/%y"
	case 'X', 'T':
		return "%H:%M:%S"
	case 'F':
		return "%Y-%m-%d"
	case 'R':
		return "%H:%M"
	case 'r':
		return "%I:%M:%S %p"
	}
	return ""
}

// words writes the directives that are not padded as numbers are.
func (d directive) words(t time.Time) (string, bool) {
	switch d.letter {
	case '%':
		return d.pad("%", ' '), true
	case 'n':
		return d.pad("\n", ' '), true
	case 't':
		return d.pad("\t", ' '), true
	case 'a':
		return d.name(t.Weekday().String()[:3], true), true
	case 'A':
		return d.name(t.Weekday().String(), true), true
	case 'b', 'h':
		return d.name(t.Month().String()[:3], true), true
	case 'B':
		return d.name(t.Month().String(), true), true
	case 'p':
		return d.name(meridiem(t), false), true
	case 'P':
		return d.pad(strings.ToLower(meridiem(t)), ' '), true
	case 'f':
		if d != (directive{letter: 'f'}) {
			return "", false
		}
		return padLeft(strconv.Itoa(t.Nanosecond()/1000), '0', 6), true
	case 's':
		return d.pad(strconv.FormatInt(t.Unix(), 10), ' '), true
	case 'Z':
		zone, _ := t.Zone()
		return d.name(zone, false), true
	case 'z':
		return zoneOffset(t), true
	}
	return "", false
}

// name writes a word; the flag # turns it to capitals, or to small letters.
func (d directive) name(word string, otherIsUpper bool) string {
	switch {
	case d.other && !otherIsUpper:
		word = strings.ToLower(word)
	case d.upper || d.other:
		word = strings.ToUpper(word)
	}
	return d.pad(word, ' ')
}

// pad widens text to the directive's width.
func (d directive) pad(text string, fill byte) string {
	if d.padding == '0' {
		fill = '0'
	}
	return padLeft(text, fill, d.width)
}

// number is the value of a numeric directive, how many digits it has at least,
// and what they are filled up with.
func number(letter byte, t time.Time) (value, digits int, fill byte, ok bool) {
	isoYear, isoWeek := t.ISOWeek()
	hour12 := (t.Hour()+11)%12 + 1
	switch letter {
	case 'C':
		return floorDiv(t.Year(), 100), 1, '0', true
	case 'd':
		return t.Day(), 2, '0', true
	case 'e':
		return t.Day(), 2, '_', true
	case 'H':
		return t.Hour(), 2, '0', true
	case 'k':
		return t.Hour(), 2, '_', true
	case 'I':
		return hour12, 2, '0', true
	case 'l':
		return hour12, 2, '_', true
	case 'j':
		return t.YearDay(), 3, '0', true
	case 'M':
		return t.Minute(), 2, '0', true
	case 'm':
		return int(t.Month()), 2, '0', true
	case 'S':
		return t.Second(), 2, '0', true
	case 'u':
		return (int(t.Weekday())+6)%7 + 1, 1, '0', true
	case 'w':
		return int(t.Weekday()), 1, '0', true
	case 'U':
		return (t.YearDay() + 6 - int(t.Weekday())) / 7, 2, '0', true
	case 'W':
		return (t.YearDay() + 6 - (int(t.Weekday())+6)%7) / 7, 2, '0', true
	case 'V':
		return isoWeek, 2, '0', true
	case 'G':
		return isoYear, 1, '0', true
	case 'g':
		return isoYear - floorDiv(isoYear, 100)*100, 2, '0', true
	case 'Y':
		return t.Year(), 1, '0', true
	case 'y':
		return t.Year() - floorDiv(t.Year(), 100)*100, 2, '0', true
	}
	return 0, 0, 0, false
}

// number writes value with at least so many digits. The flags _ and 0 choose
// what fills them up, and - leaves them out.
func (d directive) number(value, digits int, fill byte) string {
	if d.padding != 0 {
		fill = d.padding
	}
	text := strconv.Itoa(value)
	switch fill {
	case '-':
		return padLeft(text, ' ', d.width)
	case '_':
		return padLeft(text, ' ', max(digits, d.width))
	}
	return padLeft(text, '0', max(digits, d.width))
}

func padLeft(text string, fill byte, width int) string {
	if missing := width - len(text); missing > 0 {
		return strings.Repeat(string(fill), missing) + text
	}
	return text
}

func meridiem(t time.Time) string {
	if t.Hour() < 12 {
		return "AM"
	}
	return "PM"
}

// zoneOffset is +hhmm, with seconds where there are any.
func zoneOffset(t time.Time) string {
	_, seconds := t.Zone()
	sign := "+"
	if seconds < 0 {
		sign, seconds = "-", -seconds
	}
	number := (seconds/3600)*100 + seconds/60%60
	if rest := seconds % 60; rest != 0 {
		return sign + padLeft(strconv.Itoa(number*100+rest), '0', 6)
	}
	return sign + padLeft(strconv.Itoa(number), '0', 4)
}

func floorDiv(a, b int) int {
	if a < 0 {
		return -((-a + b - 1) / b)
	}
	return a / b
}
