package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// An Error is what the server said against a log-in, a renewal or a log-out.
type Error struct {
	Status int
	// Detail is its sentence, or its whole answer where it is of another form.
	Detail string
	// RetryAfter is how long it asks to wait. Zero: it does not.
	RetryAfter time.Duration
}

func (e *Error) Error() string {
	return fmt.Sprintf("client: the server answered %d: %s", e.Status, e.Detail)
}

// maxAnswer bounds the answers of the API, in bytes.
const maxAnswer = 64 << 10

// call posts body, JSON, to an endpoint and reads its answer into to. It follows
// no redirect: the API has none, and a password goes nowhere else.
func (c *Client) call(ctx context.Context, path, token string, body, to any) error {
	ctx, cancel := context.WithTimeout(ctx, c.opt.Timeout)
	defer cancel()
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("client: %w", err)
		}
		payload = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.opt.URL+"/"+path+"/", payload)
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", c.opt.Scheme+" "+token)
	}
	res, err := c.opt.Transport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("client: %s: %w", path, err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("client: %s: %w", path, err)
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return refusal(res, text)
	}
	if to == nil {
		return nil
	}
	if err := json.Unmarshal(text, to); err != nil {
		return fmt.Errorf("client: %s: the answer is no JSON of Durin's", path)
	}
	return nil
}

// refusal reads {"detail": …} and {"non_field_errors": […]}.
func refusal(res *http.Response, text []byte) error {
	e := &Error{Status: res.StatusCode, Detail: strings.TrimSpace(string(text))}
	if n, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && n > 0 {
		e.RetryAfter = time.Duration(n) * time.Second
	}
	var told struct {
		Detail string   `json:"detail"`
		Errors []string `json:"non_field_errors"`
	}
	if json.Unmarshal(text, &told) == nil && (told.Detail != "" || len(told.Errors) > 0) {
		e.Detail = strings.TrimSpace(told.Detail + " " + strings.Join(told.Errors, " "))
	}
	return e
}

func (c *Client) login(ctx context.Context, name, password string) (Token, error) {
	body := map[string]string{"username": name, "password": password, "client": c.opt.Client}
	if c.opt.Device != "" {
		body["device"] = c.opt.Device
	}
	var answer struct {
		Token  string  `json:"token"`
		Expiry *string `json:"expiry"`
	}
	if err := c.call(ctx, "login", "", body, &answer); err != nil {
		return Token{}, err
	}
	if answer.Token == "" {
		return Token{}, errors.New("client: the answer has no token: tokens of this client travel in a cookie")
	}
	return c.newToken(answer.Token, answer.Expiry), nil
}

func (c *Client) newToken(value string, expiry *string) Token {
	t := Token{Value: value, Got: c.opt.Now().Round(0)}
	if expiry != nil {
		if at, err := time.Parse(time.RFC3339Nano, *expiry); err == nil {
			t.Expiry = at.UTC()
		}
	}
	return t
}
