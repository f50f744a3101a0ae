package durin

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/keyring"
)

// Issued is a token that was handed out: the only place its text is to be had.
type Issued struct {
	Token   Secret
	Session Session
	// Reused says that the token was there before; Renewed that its expiry
	// was set anew.
	Reused, Renewed bool
}

// An IssueRequest asks for a token for a user who has been identified.
type IssueRequest struct {
	UserID string
	Client string // by name
	Device Device
	// Single refuses with ErrKeyExists when the user has a live token of the
	// client, whatever its policy.
	Single bool
	// KeepSeal lets the token be shown again later, whatever the policy;
	// it needs the Keyring.
	KeepSeal bool
	// TTL is the life time of this token, more than zero. Zero: the client's.
	// It is a ceiling that stays with the token: no renewal, use or log-in
	// moves the expiry beyond it. A token that is handed out again keeps its
	// own if that is earlier, and gets this one otherwise. Never is none.
	TTL time.Duration
	// By is the session in which the token is asked for, nil for none: one that has
	// ended by the time the token is there leaves none behind, with ErrInvalidToken,
	// so that what a stolen session asks for while it is being ended ends with it.
	By *Session
	// SignIn says that the user has just proven who it is, in a way other than
	// by Login: the LastLogin of a user of Options.Users becomes now.
	SignIn bool
	// CheckedHash is the hash that the user's password was found to be right by,
	// where the token is issued for that: User.Password of CheckPassword, and set
	// already in what LoginRequest.HandOut is given. If one of Options.Users has
	// another one by now, the token is refused with ErrPasswordChanged: a
	// password that was changed opens no session that outlives the change.
	CheckedHash Secret
}

// fault is what the caller has got wrong.
func (req *IssueRequest) fault() error {
	switch {
	case req.UserID == "" || len(req.UserID) > 64 || !utf8.ValidString(req.UserID) || strings.ContainsRune(req.UserID, 0):
		return &FieldError{"user", "A user id has 1 to 64 bytes of valid UTF-8 without NUL."}
	case req.TTL < 0:
		return &FieldError{"ttl", "A life time must be longer than zero."}
	}
	return nil
}

// Issue hands out a token by the client's policy, for a user whom the caller has
// identified. A *FieldError for a request that can be for nobody, ErrUnknownClient,
// ErrTooManyTokens, ErrKeyExists, ErrInactive for a user of Options.Users who is
// not there or deactivated, ErrPasswordChanged, or ErrUnavailable.
func (g *Guard) Issue(ctx context.Context, req IssueRequest) (Issued, error) {
	return g.issue(ctx, req, false)
}

func (g *Guard) issue(ctx context.Context, req IssueRequest, login bool) (Issued, error) {
	if err := req.fault(); err != nil {
		return Issued{}, err
	}
	if hook := g.opt.Hooks.Issuing; hook != nil {
		if err := hook(ctx, Event{At: g.now(), UserID: req.UserID, Client: req.Client, Origin: OriginFrom(ctx)}); err != nil {
			return Issued{}, err
		}
	}
	keys := g.keys.Load()
	t := NewToken{
		UserID: req.UserID, Client: req.Client, Device: req.Device, Single: req.Single, KeepSeal: req.KeepSeal,
		Owned: g.opt.Users != nil, Password: login, SignIn: login || req.SignIn, RenewReused: g.opt.RefreshOnLogin && login, NoReuse: keys == nil, TTL: req.TTL,
	}
	if t.Owned {
		t.PasswordHash = req.CheckedHash.Reveal()
	}
	const tries = 4 // a seal that cannot be opened costs one more
	for range tries {
		token := g.form.generate()
		t.Now, t.Digest = g.now(), token.Digest()
		if keys != nil {
			t.Seal = keys.Seal(token.Reveal())
		}
		known := g.lookEnding(ctx, browse.Query{UserID: t.UserID, Client: t.Client})
		res, err := g.store.Issue(ctx, t)
		if err != nil {
			return Issued{}, unavailable(err)
		}
		g.ended(ctx, replaced, res.Ended, known)
		if !res.Reused {
			if err := g.stillThere(ctx, req.By, &res.Session); err != nil {
				return Issued{}, err
			}
		}
		if res.Reused {
			if token, err = unseal(keys, res.Seal, res.Session.Digest); err != nil {
				t.Lost = res.Session.Digest
				continue
			}
		}
		g.tellEnded(ctx, "token.replace", Selection{UserID: req.UserID, Client: req.Client}, nil, len(res.Ended))
		g.announceIssue(ctx, res, login)
		return Issued{Token: token, Session: res.Session, Reused: res.Reused, Renewed: res.Renewed}, nil
	}
	return Issued{}, unavailable(fmt.Errorf("durin: %w, repeatedly", keyring.ErrSeal))
}

// stillThere ends issued, for which the session by has asked, if that one has ended
// meanwhile. A change of the password keeps tokens from being issued until it is done:
// so it ends the new one, or this does.
func (g *Guard) stillThere(ctx context.Context, by, issued *Session) error {
	if by == nil {
		return nil
	}
	_, err := g.store.Lookup(ctx, by.Digest)
	if err == nil {
		return nil
	}
	_, undo := g.end(context.WithoutCancel(ctx), revoked, Selection{Digest: issued.Digest})
	if errors.Is(err, ErrNotFound) && undo == nil {
		return ErrInvalidToken
	}
	return unavailable(errors.Join(err, undo))
}

// announceIssue calls the hooks of what the store did.
func (g *Guard) announceIssue(ctx context.Context, res IssuedToken, login bool) {
	s := &res.Session
	e := Event{At: g.now(), Login: login}
	e.about(s)
	if res.Reused {
		g.tally.reused.Add(1)
	} else {
		g.tally.issued.Add(1)
		fire(ctx, g.opt.Hooks.Created, e)
	}
	if res.Renewed {
		g.tally.renewed.Add(1)
		g.changed(ctx, []Digest{s.Digest})
		fire(ctx, g.opt.Hooks.Renewed, e)
	}
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
		g.activity.login(g.now(), c.ID)
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
		g.activity.failed.Add(1)
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
