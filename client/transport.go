package client

import (
	"errors"
	"io"
	"net/http"
	"slices"
)

// RoundTrip sends req with the token, if it goes to one of the origins and has no
// Authorization of its own. Without a token it is sent as it is.
func (c *Client) RoundTrip(req *http.Request) (*http.Response, error) {
	if !slices.Contains(c.opt.Origins, origin(req.URL)) || len(req.Header["Authorization"]) > 0 {
		return c.opt.Transport.RoundTrip(req)
	}
	t, err := c.Token(req.Context())
	if errors.Is(err, ErrNotLoggedIn) {
		return c.opt.Transport.RoundTrip(req)
	}
	if err != nil {
		closeBody(req)
		return nil, err
	}
	res, err := c.opt.Transport.RoundTrip(c.with(req, t))
	if err != nil || res.StatusCode != http.StatusUnauthorized {
		return res, err
	}
	again := c.another(req, t)
	if again == nil {
		return res, nil
	}
	_, _ = io.CopyN(io.Discard, res.Body, maxAnswer) // so that the connection can be used
	_ = res.Body.Close()
	return c.opt.Transport.RoundTrip(again)
}

// another is req once more with another token than t, or nil if that is not to
// be had.
func (c *Client) another(req *http.Request, t Token) *http.Request {
	if req.Body != nil && req.Body != http.NoBody && req.GetBody == nil {
		return nil
	}
	if err := c.once(req.Context(), t, relogin); err != nil {
		return nil
	}
	newer, err := c.current(req.Context())
	if err != nil || newer.Value == "" {
		return nil
	}
	again := c.with(req, newer)
	if req.GetBody != nil {
		if again.Body, err = req.GetBody(); err != nil {
			return nil
		}
	}
	return again
}

func (c *Client) with(req *http.Request, t Token) *http.Request {
	out := req.Clone(req.Context())
	out.Header.Set("Authorization", c.opt.Scheme+" "+t.Value)
	return out
}

// closeBody keeps the promise of an http.RoundTripper.
func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}
