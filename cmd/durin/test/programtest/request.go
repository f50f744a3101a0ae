package programtest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// An Answer is a response with its body read.
type Answer struct {
	*http.Response
	Text string
}

// Want has the test fail when the status is another.
func (a Answer) Want(t testing.TB, what string, status int) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("%s: %s, want %d: %s", what, a.Status, status, a.Text)
	}
}

// Token is that of a login's answer, or "".
func (a Answer) Token() string {
	var in struct{ Token string }
	_ = json.Unmarshal([]byte(a.Text), &in)
	return in.Token
}

// NewRequest makes a request with a token, if there is one, a form, if there is
// one, and pairs of header names and values.
func NewRequest(method, url, token string, form url.Values, header ...string) (*http.Request, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, url, body)
	if err != nil {
		return nil, err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token != "" {
		r.Header.Set("Authorization", "Token "+token)
	}
	for pair := range slices.Chunk(header, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	return r, nil
}

// Send sends a request.
func Send(c *http.Client, r *http.Request) (Answer, error) {
	res, err := c.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	return Answer{res, string(text)}, err
}

// URL is that of a path on the server.
func (s *Server) URL(path string) string {
	if slices.Contains(s.Args, "--tls-cert") {
		return "https://" + s.Addr + path
	}
	return "http://" + s.Addr + path
}

// Try sends a request that may remain without an answer.
func (s *Server) Try(method, path, token string, form url.Values, header ...string) (Answer, error) {
	r, err := NewRequest(method, s.URL(path), token, form, header...)
	if err != nil {
		return Answer{}, err
	}
	return Send(s.HTTP, r)
}

// Do sends a request, and returns the answer.
func (s *Server) Do(method, path, token string, form url.Values, header ...string) Answer {
	s.T.Helper()
	a, err := s.Try(method, path, token, form, header...)
	if err != nil {
		s.T.Fatal(err)
	}
	return a
}

// Ask is Try for those who want the status and the body only. Without an answer
// the status is 0.
func (s *Server) Ask(method, path, token string, form url.Values, header ...string) (status int, text string) {
	a, err := s.Try(method, path, token, form, header...)
	if err != nil {
		return 0, err.Error()
	}
	return a.StatusCode, a.Text
}

// LoginPath is where credentials go.
const LoginPath = "/api/auth/login/"

// Credentials are a login's form.
func Credentials(user, password, client string) url.Values {
	return url.Values{"username": {user}, "password": {password}, "client": {client}}
}

// TryLogin sends User's credentials with a client.
func (s *Server) TryLogin(client string) (Answer, error) {
	return s.Try("POST", LoginPath, "", Credentials(User, Password, client))
}

// Login logs User in with a client, and returns the token.
func (s *Server) Login(client string) string {
	s.T.Helper()
	a := s.Do("POST", LoginPath, "", Credentials(User, Password, client))
	if a.StatusCode != 200 || a.Token() == "" {
		s.T.Fatalf("login: %s: %s", a.Status, a.Text)
	}
	return a.Token()
}
