package durin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
)

func TestSecretRedactsItself(t *testing.T) {
	const clear = "c1ear-text"
	s := Secret(clear)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "token", s, "in", struct{ T Secret }{s})
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "token", s, "in", struct{ T Secret }{s})
	asJSON, err := json.Marshal(map[string]any{"t": s, "in": struct{ T Secret }{s}})
	if err != nil {
		t.Fatal(err)
	}
	out := log.String() + string(asJSON) + fmt.Sprint(s) + fmt.Sprintf("%s %q %v %+v %#v %x %d", s, s, s, s, s, s, s) +
		fmt.Sprintf("%+v %#v", struct{ T Secret }{s}, &struct{ T Secret }{s}) + fmt.Errorf("bad: %w %v", ErrInvalidToken, s).Error()
	if strings.Contains(out, clear) || strings.Contains(out, fmt.Sprintf("%x", clear)) {
		t.Errorf("the secret shows: %s", out)
	}
	if strings.Count(out, redacted) < 10 {
		t.Errorf("too few marks of redaction: %s", out)
	}
	if s.Reveal() != clear {
		t.Error("Reveal does not reveal")
	}
}

func TestHexForm(t *testing.T) {
	for _, c := range []struct{ length, want int }{{0, 64}, {64, 64}, {63, 62}, {33, 32}, {256, 256}} {
		form, err := newTokenForm(c.length, "")
		if err != nil {
			t.Fatal(err)
		}
		a, b := form.generate().Reveal(), form.generate().Reveal()
		if len(a) != c.want || strings.Trim(a, "0123456789abcdef") != "" || a == b {
			t.Errorf("length %d: %q and %q", c.length, a, b)
		}
	}
	for _, length := range []int{-1, 1, 31, 257} {
		if _, err := newTokenForm(length, ""); err == nil {
			t.Errorf("a length of %d is taken", length)
		}
	}
}

func TestPrefixedForm(t *testing.T) {
	form, err := newTokenForm(0, "durin")
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`^durin_[0-9A-Za-z]{49}$`)
	for range 200 {
		token := form.generate().Reveal()
		if !want.MatchString(token) || !form.possible(token) {
			t.Fatalf("%q", token)
		}
		for i := len("durin_"); i < len(token); i++ {
			other := byte('a')
			if token[i] == other {
				other = 'b'
			}
			if mistyped := token[:i] + string(other) + token[i+1:]; form.possible(mistyped) {
				t.Fatalf("%q passes for %q", mistyped, token)
			}
		}
	}
	for _, prefix := range []string{"a b", "é", "a-b", strings.Repeat("a", 17)} {
		if _, err := newTokenForm(0, prefix); err == nil {
			t.Errorf("the prefix %q is taken", prefix)
		}
	}
}

func TestBase62IsExact(t *testing.T) {
	for _, c := range []struct {
		raw  []byte
		want string
	}{
		{[]byte{0}, "00"}, {[]byte{61}, "0z"}, {[]byte{62}, "10"}, {[]byte{255}, "47"},
	} {
		if got := string(appendBase62(nil, c.raw, 2)); got != c.want {
			t.Errorf("%v: %s, want %s", c.raw, got, c.want)
		}
	}
	if got := string(appendBase62(nil, bytes.Repeat([]byte{255}, 32), base62Digits)); got[0] == '0' && len(got) != base62Digits {
		t.Errorf("32 bytes do not fit: %s", got)
	}
}

func TestImpossibleTokens(t *testing.T) {
	form, _ := newTokenForm(0, "durin")
	for token, want := range map[string]bool{
		"":                              false,
		"x":                             true,
		"kx_" + strings.Repeat("a", 64): true,
		"durin_short":                   true, // an imported one may look like that
		strings.Repeat("a", 256):        true,
		strings.Repeat("a", 257):        false,
		"tökén":                         false,
		"a\x00b":                        false,
		"a b":                           false,
		"\xff\xfe":                      false,
		"durin_" + strings.Repeat("0", base62Digits+checksumDigits): false,
	} {
		if got := form.possible(token); got != want {
			t.Errorf("%q: %v", token, got)
		}
	}
}

func FuzzPossible(f *testing.F) {
	form, _ := newTokenForm(0, "durin")
	f.Add("")
	f.Add(form.generate().Reveal())
	f.Add("Token \xff")
	f.Fuzz(func(t *testing.T, token string) {
		if form.possible(token) && (len(token) > maxTokenBytes || token == "" || strings.ContainsAny(token, " \x00\n\x7f")) {
			t.Errorf("%q passes", token)
		}
	})
}

func TestGraphicBytes(t *testing.T) {
	for c := range 256 {
		for _, n := range []int{1, 7, 8, 9, 16, 64} {
			for at := range n {
				text := []byte(strings.Repeat("~!a0"[c%4:c%4+1], n))
				text[at] = byte(c)
				if got, want := isGraphic(string(text)), c > ' ' && c < 0x7f; got != want {
					t.Fatalf("%q at %d of %d: %v", byte(c), at, n, got)
				}
			}
		}
	}
}
