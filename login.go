package durin

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/durin-go/durin/internal/attempts"
	"golang.org/x/text/unicode/norm"
)

// An Authenticator checks user names and passwords: against the own users
// table, a directory, anything. Package password has one for a UserStore.
type Authenticator interface {
	// Authenticate returns the user, of whom ID and Name matter; and Password,
	// the hash that was compared, where it is one of Options.Users. It returns
	// ErrBadCredentials for an unknown name, a wrong password and an inactive
	// user alike, and takes as long for each; ErrBusy when too many checks
	// wait. Any other error means that it could not tell: 503.
	Authenticate(ctx context.Context, name string, password Secret) (User, error)
}

// A LoginLimiter slows down those who guess passwords.
type LoginLimiter interface {
	// Admit reports whether the attempt may be tried; it may wait for others
	// to end. One that may not is answered as wrong credentials are. Its
	// error is the answer: ErrBusy, or ctx's.
	Admit(ctx context.Context, a LoginAttempt) (bool, error)
	// Done tells how an admitted attempt ended: with nil, with
	// ErrBadCredentials, or with another error when the check could not be
	// made, which counts neither way.
	Done(ctx context.Context, a LoginAttempt, err error)
}

// A LoginAttempt is what a LoginLimiter knows of a login.
type LoginAttempt struct {
	At      time.Time
	Name    string     // trimmed, as LoginNames.Account has it
	Address netip.Addr // of the caller; not valid when unknown
	// Known says that the request bears a live token of this user: it comes
	// from a device that has logged in before.
	Known bool
}

// A LoginRequest is a log-in by user name and password.
type LoginRequest struct {
	Name     string // blanks around it are cut off
	Password Secret
	// Client is the name of the client; ErrNoClient when empty. It is looked
	// at after the password, as in django-rest-durin.
	Client string
	Device Device
	// Address is the caller's; the zero Addr is unknown.
	Address netip.Addr
	// KnownUser is the ID of the user whose live token the request bears: a
	// device known to that user. Guard.KnownUser finds it.
	KnownUser string

	// ChooseClient, when set, names the client in place of Client. It is
	// called after good credentials only.
	ChooseClient func(ctx context.Context, u User) (string, error)
	// HandOut, when set, stands between the credentials and the token: it
	// calls issue, with req as it is or changed, or returns a token that it
	// has from elsewhere. It may be called again when the password was changed
	// meanwhile: pass on the error of issue.
	HandOut func(ctx context.Context, u User, req IssueRequest, issue IssueFunc) (Issued, error)
}

// An IssueFunc issues a token, as Guard.Issue does.
type IssueFunc func(ctx context.Context, req IssueRequest) (Issued, error)

// LoggedIn is the answer to a log-in.
type LoggedIn struct {
	Issued
	User User // as the Authenticator told, without the Password
}

// Login checks a user name and a password and hands out a token by the client's
// policy. ErrBadCredentials for whatever is wrong with name and password, and
// for those whom the LoginLimiter holds back; ErrNoClient, ErrUnknownClient and
// ErrTooManyTokens only after good credentials; ErrBusy, ErrUnavailable.
func (g *Guard) Login(ctx context.Context, req LoginRequest) (LoggedIn, error) {
	in, admitted, err := g.logIn(ctx, req)
	name := ""
	if c := in.Session.Client; c != nil {
		name = c.Name
	}
	g.tally.login(name, admitted, err)
	return in, err
}

// A PasswordCheck asks whether a password is a user's, as LoginRequest does.
type PasswordCheck struct {
	Name      string // blanks around it are cut off
	Password  Secret
	Address   netip.Addr
	KnownUser string
}

// CheckPassword checks a user name and a password, under the limits of Login and
// with its errors, and opens no session: for those who are signed in and do
// something that asks for the password again. Look at the User's ID: it is the one
// whom the name and the password are of. Its Password is the hash that was
// compared, for IssueRequest.CheckedHash and PasswordChange.Checked; keep it to
// yourself. Right passwords count as no log-in in Stats, wrong ones as wrong.
func (g *Guard) CheckPassword(ctx context.Context, c PasswordCheck) (User, error) {
	u, admitted, err := g.authenticate(ctx, LoginRequest{Name: strings.TrimSpace(c.Name), Password: c.Password, Address: c.Address, KnownUser: c.KnownUser})
	if err != nil {
		g.tally.login("", admitted, err)
		return User{}, err
	}
	return u, nil
}

// logIn is Login; it tells too whether the LoginLimiter admitted the attempt. A
// password that was changed between its check and the token is checked again: it
// may be the same one, hashed anew.
func (g *Guard) logIn(ctx context.Context, req LoginRequest) (in LoggedIn, admitted bool, err error) {
	req.Name = strings.TrimSpace(req.Name)
	const tries = 4
	for range tries {
		if in, admitted, err = g.tryLogIn(ctx, req); !errors.Is(err, ErrPasswordChanged) {
			return in, admitted, err
		}
	}
	return LoggedIn{}, admitted, ErrBusy
}

func (g *Guard) tryLogIn(ctx context.Context, req LoginRequest) (in LoggedIn, admitted bool, err error) {
	user, admitted, err := g.authenticate(ctx, req)
	if err != nil {
		return LoggedIn{}, admitted, err
	}
	checked := Secret(user.Password)
	user.Password = ""
	if req.ChooseClient != nil {
		if req.Client, err = req.ChooseClient(ctx, user); err != nil {
			return LoggedIn{}, true, unavailable(err)
		}
	}
	if req.Client == "" {
		return LoggedIn{}, true, ErrNoClient
	}
	issued, err := g.handOut(ctx, user, checked, req)
	if errors.Is(err, ErrInactive) { // deactivated since the check
		err = ErrBadCredentials
	}
	if err != nil {
		return LoggedIn{}, true, err
	}
	if c := issued.Session.Client; c != nil {
		g.uses.activity.login(g.now(), c.ID)
	}
	fire(ctx, g.opt.Hooks.LoggedIn, Event{At: g.now(), UserID: user.ID, UserName: user.Name, Client: req.Client, Session: &issued.Session})
	return LoggedIn{issued, user}, true, nil
}

func (g *Guard) handOut(ctx context.Context, user User, checked Secret, req LoginRequest) (Issued, error) {
	ask := IssueRequest{UserID: user.ID, Client: req.Client, Device: req.Device, CheckedHash: checked}
	issue := func(ctx context.Context, req IssueRequest) (Issued, error) {
		if req.UserID == user.ID {
			req.CheckedHash = checked
		}
		return g.issue(ctx, req, true)
	}
	if req.HandOut != nil {
		return req.HandOut(ctx, user, ask, issue)
	}
	return issue(ctx, ask)
}

// authenticate checks the credentials under the login limits. Without an error the
// attempt was admitted; with one, admitted is false where the limits held it back.
func (g *Guard) authenticate(ctx context.Context, req LoginRequest) (u User, admitted bool, err error) {
	if g.opt.Authenticator == nil {
		return User{}, true, fmt.Errorf("durin: no Options.Authenticator: nobody can log in by password: %w", ErrBadCredentials)
	}
	if req.Name, err = g.meant(ctx, req.Name); err != nil {
		return User{}, true, unavailable(err)
	}
	attempt := LoginAttempt{At: g.now(), Name: g.opt.LoginNames.Account(req.Name), Address: req.Address}
	if req.KnownUser != "" {
		attempt.Known = g.isKnown(ctx, req)
	}
	if admitted, err = g.opt.LoginLimiter.Admit(ctx, attempt); err != nil {
		return User{}, true, unavailable(err)
	}
	// An attempt that is held back is checked all the same: its answer takes
	// as long as any other.
	user, err := g.checkPassword(ctx, req, attempt, admitted)
	if errors.Is(err, ErrBadCredentials) {
		g.uses.activity.failed.Add(1)
		fire(ctx, g.opt.Hooks.LoginFailed, Event{At: g.now(), UserName: req.Name, Client: req.Client, Err: err})
	}
	return user, admitted, err
}

// checkPassword asks the Authenticator, and tells the LoginLimiter how an admitted
// attempt ended, though the Authenticator panics: others may wait for that.
func (g *Guard) checkPassword(ctx context.Context, req LoginRequest, attempt LoginAttempt, admitted bool) (user User, err error) {
	err = errPanicked
	defer func() {
		if admitted {
			g.opt.LoginLimiter.Done(ctx, attempt, err)
		}
	}()
	user, err = g.opt.Authenticator.Authenticate(ctx, req.Name, req.Password)
	if err == nil && !admitted {
		user, err = User{}, ErrBadCredentials
	}
	return user, unavailable(err)
}

// errPanicked is how an attempt ended whose check did not return.
var errPanicked = errors.New("durin: the Authenticator did not return")

// isKnown reports whether the request bears a token of the user it logs in as.
func (g *Guard) isKnown(ctx context.Context, req LoginRequest) bool {
	if g.opt.Users == nil {
		return false
	}
	u, err := g.opt.Users.UserByID(ctx, req.KnownUser)
	return err == nil && u.Name == req.Name
}

// meant is the name of the user whom a name that is typed at a log-in means; the
// name itself where it means none. It asks the same number of questions whether
// there is such a user or not.
func (g *Guard) meant(ctx context.Context, name string) (string, error) {
	if g.opt.Users == nil || !utf8.ValidString(name) || strings.ContainsRune(name, 0) || utf8.RuneCountInString(name) > MaxUserName {
		return name, nil
	}
	if g.opt.LoginNames == LoginNamesFolded {
		alike, err := g.opt.Users.UsersByFold(ctx, name, 2)
		if len(alike) == 1 {
			name = alike[0].Name
		}
		return name, err
	}
	normal := norm.NFKC.String(name)
	if normal == name {
		return name, nil
	}
	_, err := g.opt.Users.UserByName(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return normal, nil
	}
	return name, err
}

// maxEvidence is how many tokens of a request are looked at to find out whether its
// device is known.
const maxEvidence = 4

// KnownUser returns the ID of a user whose live token r bears, wherever it may be: in
// the Authorization header or in any cookie, those of the account and admin pages
// included. It is for LoginRequest.KnownUser, on every way of signing in, and nothing
// else: a token that is not for this route proves nothing but that the device is
// known. Of several users it returns the one who is called name. No use is noted.
func (g *Guard) KnownUser(r *http.Request, name string) string {
	found, looked := "", 0
	name = strings.TrimSpace(name)
	for token := range evidence(r, g.CheckOrigin(r) == nil) {
		if !g.form.possible(token) {
			continue
		}
		if looked++; looked > maxEvidence {
			break
		}
		if s := g.liveSession(r.Context(), token); s != nil && (found == "" || s.UserName == name) {
			if found = s.UserID; s.UserName == name {
				break
			}
		}
	}
	return found
}

// evidence goes through what may be tokens in r, each once: those in cookies only
// where no page of another origin has sent them.
func evidence(r *http.Request, cookies bool) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		var seen []string
		for _, line := range r.Header["Authorization"] {
			_, token, _ := strings.Cut(strings.TrimSpace(line), " ")
			if token = strings.TrimSpace(token); !slices.Contains(seen, token) && !yield(token) {
				return
			}
			seen = append(seen, token)
		}
		if !cookies {
			return
		}
		for _, c := range r.Cookies() {
			if !slices.Contains(seen, c.Value) && !yield(c.Value) {
				return
			}
			seen = append(seen, c.Value)
		}
	}
}

// liveSession is the session of a token that is good now, nil if there is none or
// that cannot be told. It leaves no trace.
func (g *Guard) liveSession(ctx context.Context, token string) *Session {
	digest := Digest(sha256.Sum256([]byte(token)))
	mono, wall := g.clock.Instant()
	c, hit := g.cached(digest, mono)
	if !hit {
		var err error
		if c, err = g.load(ctx, digest, token); err != nil {
			return nil
		}
	}
	if c == nil || wall > c.expires.Load() {
		return nil
	}
	return &c.session
}

// newLoginLimiter is package loginlimit's, which the root cannot import, with the
// numbers of its zero value.
func newLoginLimiter() LoginLimiter {
	return &localLoginLimiter{core: attempts.New(attempts.Numbers{})}
}

type localLoginLimiter struct{ core *attempts.Limiter }

func (l *localLoginLimiter) Admit(ctx context.Context, a LoginAttempt) (bool, error) {
	admitted, err := l.core.Wait(ctx, a.At, attemptOf(a))
	if errors.Is(err, attempts.ErrFull) {
		err = ErrBusy
	}
	return admitted, err
}

func (l *localLoginLimiter) Done(_ context.Context, a LoginAttempt, err error) {
	outcome := attempts.Aborted
	switch {
	case err == nil:
		outcome = attempts.Right
	case errors.Is(err, ErrBadCredentials):
		outcome = attempts.Wrong
	}
	l.core.Done(a.At, attemptOf(a), outcome)
}

func attemptOf(a LoginAttempt) attempts.Attempt {
	return attempts.Attempt{Account: a.Name, Address: a.Address, Known: a.Known}
}
