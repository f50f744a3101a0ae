package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf16"
)

// A refusal is an answer for proxies that keep the headers of a refusal only, and
// of several of one name the first: nginx's auth_request. Whatever is no server's
// fault has status 403; headers tell the rest.
type refusal struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// What the headers of a refusal tell.
const (
	refusalStatus = "X-Durin-Status" // the status for the caller
	refusalBody   = "X-Durin-Body"   // the JSON for the caller, in ASCII
)

func (w *refusal) WriteHeader(status int) { w.status = status }

func (w *refusal) Write(p []byte) (int, error) { return w.body.Write(p) }

// finish sends the answer.
func (w *refusal) finish() {
	h := w.Header()
	if w.status == 0 {
		w.status = http.StatusOK
	}
	h.Set(refusalStatus, strconv.Itoa(w.status))
	if text := asciiJSON(w.body.Bytes()); text != "" {
		h.Set(refusalBody, text)
	}
	if all := h["Www-Authenticate"]; len(all) > 1 { // one list for all (RFC 9110 section 11.6.1)
		h.Set("WWW-Authenticate", strings.Join(all, ", "))
	}
	if w.status < http.StatusInternalServerError {
		w.status = http.StatusForbidden
	}
	w.ResponseWriter.WriteHeader(w.status)
	_, _ = w.ResponseWriter.Write(w.body.Bytes())
}

// asciiJSON is text for a header, or "" if it is no JSON.
func asciiJSON(text []byte) string {
	var line bytes.Buffer
	if json.Compact(&line, text) != nil {
		return ""
	}
	var b strings.Builder
	for _, c := range line.String() {
		if c < 0x7f {
			b.WriteRune(c)
			continue
		}
		for _, unit := range utf16.Encode([]rune{c}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}
