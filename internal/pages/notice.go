package pages

import (
	"encoding/base64"
	"net/http"
	"strings"
	"unicode/utf8"
)

// A Notice is a sentence at the head of a page.
type Notice struct {
	Kind string // "good", "bad" or "note"
	Text string
}

const (
	noticeAge = 60 // seconds
	maxNotice = 600
)

// Notify lets the next page say text.
func (s *Site) Notify(w http.ResponseWriter, kind, text string) {
	for len(text) > maxNotice || !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text[:min(len(text), maxNotice)], "")
	}
	SetCookie(w, s.noticeCookie(), base64.RawURLEncoding.EncodeToString([]byte(kind+" "+text)), noticeAge)
}

func (s *Site) noticeCookie() string { return s.opt.Cookie + "-notice" }

// bounced is in the cookie of notices, and none, after Bounce.
const (
	bounced   = "back"
	bounceAge = 10 // seconds
)

// Bounce reports whether the browser was here a moment ago: it is about to be led
// away, and was led away before, to where it was sent back from.
func (s *Site) Bounce(w http.ResponseWriter, r *http.Request) bool {
	if c, err := r.Cookie(s.noticeCookie()); err == nil && c.Value == bounced {
		return true
	}
	SetCookie(w, s.noticeCookie(), bounced, bounceAge)
	return false
}

// notice takes what Notify has left.
func (s *Site) notice(w http.ResponseWriter, r *http.Request) *Notice {
	c, err := r.Cookie(s.noticeCookie())
	if err != nil || c.Value == "" {
		return nil
	}
	SetCookie(w, s.noticeCookie(), "", -1)
	text, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil || !utf8.Valid(text) {
		return nil
	}
	kind, words, _ := strings.Cut(string(text), " ")
	if kind != "good" && kind != "bad" {
		kind = "note"
	}
	return &Notice{kind, words}
}
