package replay

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// An Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Send sends r over a connection of its own, byte by byte as it is written: a
// request may hold what no HTTP client sends. token finds the token that an
// earlier step answered.
func (s *Server) Send(r Request, token func(step string) string) (Answer, error) {
	conn, err := net.Dial("tcp", s.Addr)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return Answer{}, err
	}
	if _, err := conn.Write(r.bytes(token)); err != nil {
		return Answer{}, err
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: r.Method})
	if err != nil {
		return Answer{}, fmt.Errorf("%s %s: %w", r.Method, r.Path, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return Answer{res.StatusCode, res.Header, body}, err
}

// bytes is the whole request as HTTP/1.1.
func (r Request) bytes(token func(step string) string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", r.Method, r.Path)
	sized, hosted := false, false
	for name, value := range r.Headers {
		sized = sized || strings.EqualFold(name, "Content-Length") || strings.EqualFold(name, "Transfer-Encoding")
		hosted = hosted || strings.EqualFold(name, "Host")
		fmt.Fprintf(&b, "%s: %s\r\n", name, fillIn(value.header(), token))
	}
	if !hosted {
		b.WriteString("Host: localhost\r\n")
	}
	if r.Body != nil && !sized {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.Body.body()))
	}
	b.WriteString("Connection: close\r\n\r\n")
	if r.Body != nil {
		b.Write(r.Body.body())
	}
	return b.Bytes()
}

// fillIn puts tokens in place of {{token from STEP}}.
func fillIn(text []byte, token func(step string) string) []byte {
	const begin, end = "{{token from ", "}}"
	before, rest, ok := bytes.Cut(text, []byte(begin))
	if !ok {
		return text
	}
	step, after, ok := bytes.Cut(rest, []byte(end))
	if !ok {
		return text
	}
	return []byte(string(before) + token(string(step)) + string(fillIn(after, token)))
}
