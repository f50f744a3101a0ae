package durin

import (
	"context"
	"net/http"
)

// Every middleware of a Guard makes sure by itself that the caller's token was
// checked, once for a request however many there are: there is none to forget.

// Authenticate checks the token of each request. A bad one is answered with 401;
// a request without one goes on as anonymous: SessionFrom gives nil. It is for
// routes that serve everybody and know who asks.
func (g *Guard) Authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, r, ok := g.identify(w, r); ok {
			next.ServeHTTP(w, r)
		}
	})
}

// Require lets requests with a good token through, and answers others with 401,
// or 503 when the token could not be checked. SessionFrom tells the handler who
// asks.
func (g *Guard) Require(next http.Handler) http.Handler {
	return g.enforce(Rules{})(next)
}

// identify checks the request's token, unless that was done. When it returns
// false the answer is written.
func (g *Guard) identify(w http.ResponseWriter, r *http.Request) (*identity, *http.Request, bool) {
	ctx := r.Context()
	if id := identityFrom(ctx, g); id != nil {
		return id, r, true
	}
	id, err := g.identityOf(ctx, r)
	if err != nil {
		g.DropCookie(w, r, err)
		g.Fail(w, r, err)
		return nil, r, false
	}
	return id, r.WithContext(context.WithValue(ctx, identityKey{}, id)), true
}

// identityOf finds out who asks: by the Authorization header, or, where it has no
// token for us, by the cookie. A token that travels in another way than its
// client's is refused.
func (g *Guard) identityOf(ctx context.Context, r *http.Request) (*identity, error) {
	token, err := g.tokenOf(r)
	if err != nil {
		return nil, err
	}
	travelled := byHeader
	var two error
	if token == "" {
		if token, two = g.cookieOf(r); token == "" && two == nil {
			return &g.anonymous, nil
		}
		if err := g.CheckOrigin(r); err != nil {
			return nil, err
		}
		travelled = byCookie
	}
	var c *checked
	if two == nil {
		c, err = g.check(ctx, token)
	} else {
		c, err = g.checkTwins(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	if c.travels != travelled {
		return nil, g.tally.misplaced()
	}
	return &c.identity, nil
}

// Check checks the token of r as the middleware does, for programs that are not
// built of handlers: a copy of the session, or nil for a request without a token.
// A request that went through the middleware is not checked again: Check tells what
// that has found, however long ago. See Recheck.
func (g *Guard) Check(r *http.Request) (*Session, error) {
	ctx := r.Context()
	if id := identityFrom(ctx, g); id != nil {
		return id.session.clone(), nil
	}
	id, err := g.identityOf(ctx, r)
	if err != nil {
		return nil, err
	}
	return id.session.clone(), nil
}

// Recheck checks the token of r anew, whatever the middleware has found: for handlers
// that outlast a session, like those of WebSockets and server-sent events, which
// call it at intervals and end when it returns an error, or nil for a request that
// had a token. It costs what a check costs, and counts as a use: with
// Client.Sliding the session does not run out as long as it is called.
func (g *Guard) Recheck(r *http.Request) (*Session, error) {
	id, err := g.identityOf(r.Context(), r)
	if err != nil {
		return nil, err
	}
	return id.session.clone(), nil
}
