package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// ErrNotLoggedIn tells that there is no token and no way to get one.
var ErrNotLoggedIn = errors.New("client: not logged in")

// A Client logs in and keeps a token. It is an http.RoundTripper that puts the
// token into requests, and is safe for concurrent use.
type Client struct {
	opt Options

	mu     sync.Mutex
	loaded bool
	token  Token
	looked time.Time // when the Keeper was last asked
	unkept bool      // the Keeper has not taken the token
	flight *flight   // the renewal or log-in that is under way; nil: none
	paused [kinds]struct {
		until time.Time
		err   error
	}
}

// A kind of work on the token.
type kind int

const (
	renewal kind = iota
	relogin
	kinds
)

// A flight is a renewal or log-in that all wait for who need it.
type flight struct {
	done chan struct{}
	err  error
}

// New returns a Client, or an error that names the option that is wrong.
func New(o Options) (*Client, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	return &Client{opt: o}, nil
}

// HTTP returns an http.Client whose requests bear the token.
func (c *Client) HTTP() *http.Client { return &http.Client{Transport: c} }

// Login logs in with a user's name and password and keeps the token. An *Error
// tells what the server said against it.
func (c *Client) Login(ctx context.Context, name, password string) (Token, error) {
	t, err := c.login(ctx, name, password)
	if err != nil {
		return Token{}, err
	}
	return t, c.keep(ctx, t)
}

// Logout ends the session on the server and forgets the token. A session that has
// ended already is no error. When the server cannot be reached the token stays.
func (c *Client) Logout(ctx context.Context) error { return c.end(ctx, "logout") }

// LogoutEverywhere ends all of the user's sessions.
func (c *Client) LogoutEverywhere(ctx context.Context) error { return c.end(ctx, "logoutall") }

func (c *Client) end(ctx context.Context, path string) error {
	t, err := c.current(ctx)
	if err != nil || t.Value == "" {
		return err
	}
	err = c.call(ctx, path, t.Value, nil, nil)
	var refused *Error
	if err != nil && !(errors.As(err, &refused) && refused.Status == http.StatusUnauthorized) {
		return err
	}
	return c.keep(ctx, Token{})
}

// Token returns a token that is good, as far as is known here: renewed if it is
// about to run out, or got with Options.Credentials. ErrNotLoggedIn if there is
// none.
func (c *Client) Token(ctx context.Context) (Token, error) {
	t, err := c.current(ctx)
	if err != nil {
		return Token{}, err
	}
	now := c.opt.Now()
	switch {
	case t.Value != "" && !c.due(t, now):
		return t, nil
	case t.Value != "" && !t.expired(now):
		// Should it fail, the token is good all the same.
		if err := c.once(ctx, t, renewal); err != nil && ctx.Err() != nil {
			return Token{}, err
		}
	default:
		if err := c.once(ctx, t, relogin); err != nil {
			return Token{}, err
		}
	}
	return c.current(ctx)
}

// due reports whether t should be renewed now.
func (c *Client) due(t Token, now time.Time) bool {
	if t.Expiry.IsZero() || t.expired(now) || c.opt.RenewBefore < 0 {
		return t.expired(now)
	}
	life := t.Expiry.Sub(t.Got)
	before := min(c.opt.RenewBefore, life/2) // where nothing is gained, ask less and less often
	if c.opt.RenewBefore == 0 {
		before = min(time.Hour, life/5)
	}
	return now.After(t.Expiry.Add(-before))
}

func (t Token) expired(now time.Time) bool { return !t.Expiry.IsZero() && now.After(t.Expiry) }

// lookAgain is how long a token is used before the Keeper is asked whether another
// program has kept a newer one: shorter than a server's grace for old ones.
const lookAgain = 2 * time.Second

// current is the token that there is, here or, if that is newer, in the Keeper.
func (c *Client) current(ctx context.Context) (Token, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.opt.Now()
	if age := now.Sub(c.looked); c.loaded && (c.unkept || age >= 0 && age < lookAgain) {
		return c.token, nil
	}
	t, err := c.opt.Keeper.Load(ctx)
	switch {
	case err == nil && (!c.loaded || t.Value != "" && t.Value != c.token.Value && t.Got.After(c.token.Got)):
		c.token = t
	case err != nil && !c.loaded:
		return Token{}, err
	}
	c.loaded, c.looked = true, now
	return c.token, nil
}

// keep puts t in the place of the token, here and in the Keeper.
func (c *Client) keep(ctx context.Context, t Token) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token, c.loaded = t, true
	clear(c.paused[:])
	err := c.opt.Keeper.Save(context.WithoutCancel(ctx), t)
	c.unkept = err != nil
	return err
}

// pause is how long a failure of a kind holds for all who come after it: a server that is
// down, or a password that is wrong, is not asked by everybody in turn.
const pause = 2 * time.Second

// once does work of a kind on the token old for all who ask at the time, unless
// the token has changed meanwhile. The work goes on when one of them leaves.
func (c *Client) once(ctx context.Context, old Token, k kind) error {
	c.mu.Lock()
	if c.token != old {
		c.mu.Unlock()
		return nil
	}
	if c.flight == nil {
		if p := c.paused[k]; c.opt.Now().Before(p.until) {
			c.mu.Unlock()
			return p.err
		}
		f := &flight{done: make(chan struct{})}
		c.flight = f
		go c.fly(context.WithoutCancel(ctx), f, old, k)
	}
	f := c.flight
	c.mu.Unlock()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Client) fly(ctx context.Context, f *flight, old Token, k kind) {
	ctx, cancel := context.WithTimeout(ctx, c.opt.Timeout)
	defer cancel()
	if k == renewal {
		f.err = c.renew(ctx, old)
	} else {
		f.err = c.relogin(ctx, old)
	}
	c.mu.Lock()
	c.flight = nil
	if f.err != nil {
		c.paused[k].until, c.paused[k].err = c.opt.Now().Add(pause), f.err
	}
	c.mu.Unlock()
	close(f.done)
}

// renew asks for a later expiry, and takes the new token if the server answers one.
// A token that has ended on the server is replaced.
func (c *Client) renew(ctx context.Context, old Token) error {
	var answer struct {
		Expiry *string `json:"expiry"`
		Token  string  `json:"token"`
	}
	err := c.call(ctx, "refresh", old.Value, nil, &answer)
	var refused *Error
	if errors.As(err, &refused) && refused.Status == http.StatusUnauthorized {
		return c.relogin(ctx, old)
	}
	if err != nil {
		return err
	}
	if answer.Token == "" {
		answer.Token = old.Value
	}
	return c.keep(ctx, c.newToken(answer.Token, answer.Expiry))
}

// relogin gets another token than old: one that another program has kept
// meanwhile, or by the credentials.
func (c *Client) relogin(ctx context.Context, old Token) error {
	t, err := c.opt.Keeper.Load(ctx)
	if err == nil && t.Value != "" && t.Value != old.Value && !t.expired(c.opt.Now()) {
		return c.keep(ctx, t)
	}
	if c.opt.Credentials == nil {
		return ErrNotLoggedIn
	}
	name, password, err := c.opt.Credentials(ctx)
	if err != nil {
		return fmt.Errorf("client: the credentials: %w", err)
	}
	_, err = c.Login(ctx, name, password)
	return err
}
