package durin

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxUserName is the length of the longest user name, in characters: an e-mail
// address of 254, as in Django.
const MaxUserName = 254

// LoginNames says whom a name that is typed at a log-in may mean.
type LoginNames string

const (
	// LoginNamesExact: the user of that very name, or else of its NFKC form.
	LoginNamesExact LoginNames = "exact"
	// LoginNamesFolded: the user of that very name, or else the only one whose
	// name differs from it in case, as FoldName says. Where several do, none
	// of them. New names may then not differ in case alone.
	LoginNamesFolded LoginNames = "folded"
)

// NewName returns the name that a new user or client gets who is to be called
// name: its NFKC form (Unicode Standard Annex 15), as Django's. The error is a
// *FieldError for a name that could be taken for another one: one with characters
// that are not seen or that change the direction of others, or with a word of
// letters of several scripts (Unicode Technical Standard 39). Length, blanks at the
// ends and the like are for User.Validate.
//
// Guard's methods call it. Names that came otherwise, by an import say, stay as
// they are.
func NewName(name string) (string, error) {
	if isASCII(name) {
		return name, unseen(name)
	}
	if !utf8.ValidString(name) {
		return name, &FieldError{"name", "Write the name in valid UTF-8 without NUL."}
	}
	if err := unseen(name); err != nil { // what NFKC would make a letter, too
		return name, err
	}
	name = norm.NFKC.String(name)
	return name, errors.Join(unseen(name), mixed(name))
}

// unseen tells of a character that shows nothing, or changes how others are shown.
func unseen(name string) error {
	for _, r := range name {
		switch {
		case r == 0, isSeen(r): // NUL is for Validate
		default:
			return &FieldError{"name", fmt.Sprintf("The name has a character that cannot be seen, %U: leave it out.", r)}
		}
	}
	return nil
}

// isSeen reports whether r shows, by itself or as a mark of the one before. Blanks
// that NFKC makes common ones do.
func isSeen(r rune) bool {
	const brailleBlank, oghamBlank = '\u2800', '\u1680'
	switch {
	case r == ' ' || r >= '!' && r <= '~':
		return true
	case r == brailleBlank, r == oghamBlank, isIgnorable(r):
		return false
	}
	return !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp, unicode.Noncharacter_Code_Point)
}

// isIgnorable reports whether r is shown as nothing where it is not supported:
// Unicode's Default_Ignorable_Code_Point.
func isIgnorable(r rune) bool {
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) ||
		unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r) && (r < 0xFFF9 || r > 0xFFFB) && (r < 0x13430 || r > 0x1343F)
}

// Scripts of which one word may have letters: those that Japanese, Chinese and
// Korean are written in, with Latin.
var together = []*unicode.RangeTable{unicode.Latin, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo}

// mixed tells of a word with letters of several scripts.
func mixed(name string) error {
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.N) }) {
		first := ""
		for _, r := range word {
			script := scriptOf(r)
			switch {
			case script == "":
			case first == "":
				first = script
			case script != first:
				return &FieldError{"name", fmt.Sprintf("The name has letters of several scripts in one word, %s and %s: it could be taken for another name.", first, script)}
			}
		}
	}
	return nil
}

// scriptOf names the script of a letter, one for those that go together; "" where
// it is of several, as marks are.
func scriptOf(r rune) string {
	if r < utf8.RuneSelf || unicode.In(r, together...) {
		return "Latin"
	}
	if unicode.In(r, unicode.Common, unicode.Inherited) {
		return ""
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return name
		}
	}
	return ""
}

// FoldName is what names have in common that differ in case only, or in ways that
// cannot be seen: in the style of Unicode's NFKC_Casefold, with simple case
// folding. It is for comparing, not for showing.
func FoldName(name string) string {
	if isASCII(name) {
		return strings.ToLower(name)
	}
	return norm.NFKC.String(strings.Map(fold, plain(name)))
}

// plain is name in NFKC, without what cannot be seen.
func plain(name string) string {
	return norm.NFKC.String(strings.Map(func(r rune) rune {
		if isIgnorable(r) {
			return -1
		}
		return r
	}, name))
}

// fold is the same for all letters that differ from r in case only.
func fold(r rune) rune {
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	return unicode.ToLower(least)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Account is what a LoginLimiter knows an account by: the same for all spellings of
// name that mean one user.
func (l LoginNames) Account(name string) string {
	if l == LoginNamesFolded {
		return FoldName(name)
	}
	return norm.NFKC.String(name)
}
