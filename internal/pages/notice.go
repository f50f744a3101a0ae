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
