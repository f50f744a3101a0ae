package durin

import (
	"context"
	"errors"
	"fmt"
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
		g.notifyEnded(ctx, "token.replace", Selection{UserID: req.UserID, Client: req.Client}, nil, len(res.Ended))
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

// Renew sets the expiry of a live session to the life time of its client from
// now, as the client stands in the store: longer or shorter than before, never
// beyond MaxLife or the session's Ceiling. It is for the session's owner: where Client.Rotate is set, the
// result has the Token that takes the place of the one that s was checked by,
// Reused if an earlier renewal of the same one has made it. Else Token is empty,
// and the token stays. ErrInvalidToken if the session has ended or run out,
// ErrNoToken for nobody's, nil.
func (g *Guard) Renew(ctx context.Context, s *Session) (Issued, error) {
	if s == nil {
		return Issued{}, ErrNoToken
	}
	keys := g.keys.Load()
	if keys == nil || s.Client != nil && s.Client.Rotate == 0 && s.ReplacedBy == nil {
		renewed, err := g.Prolong(ctx, s)
		return Issued{Session: renewed, Renewed: err == nil}, err
	}
	if err := g.settle(ctx, s); err != nil {
		return Issued{}, err
	}
	return g.rotate(ctx, s, keys)
}

// Prolong is Renew for others than the session's owner, like administrators: the
// token stays in any case.
func (g *Guard) Prolong(ctx context.Context, s *Session) (Session, error) {
	if s == nil {
		return Session{}, ErrNoToken
	}
	if err := g.settle(ctx, s); err != nil {
		return Session{}, err
	}
	renewed, err := g.store.Renew(ctx, s.Digest, g.now())
	if errors.Is(err, ErrNotFound) {
		return Session{}, g.late(ctx, s.Digest)
	}
	if err != nil {
		return Session{}, unavailable(err)
	}
	g.changed(ctx, []Digest{s.Digest})
	g.renewed(ctx, &renewed)
	return renewed, nil
}

// renewed counts and tells that s has got a new expiry.
func (g *Guard) renewed(ctx context.Context, s *Session) {
	g.tally.renewed.Add(1)
	e := Event{At: g.now()}
	e.about(s)
	fire(ctx, g.opt.Hooks.Renewed, e)
}

// settle writes a sliding expiry that only this process knows yet.
func (g *Guard) settle(ctx context.Context, s *Session) error {
	probe := Session{Digest: s.Digest}
	if !g.uses.extend(&probe) {
		return nil
	}
	return g.uses.flush(ctx)
}

// rotate renews s and puts a new token in the place of the one that was
// presented. Those who present the same one at the same time, or soon, get the
// same new one.
func (g *Guard) rotate(ctx context.Context, s *Session, keys *keyring.Ring) (Issued, error) {
	r := Rotation{Digest: s.Digest}
	const tries = 4 // a seal that cannot be opened costs one more
	for range tries {
		token := g.form.generate()
		r.Now, r.Successor, r.Seal = g.now(), token.Digest(), keys.Seal(token.Reveal())
		res, err := g.store.Rotate(ctx, r)
		if errors.Is(err, ErrNotFound) {
			return Issued{}, g.late(ctx, s.Digest)
		}
		if err != nil {
			return Issued{}, unavailable(err)
		}
		switch {
		case res.New:
			g.changed(ctx, res.Changed)
			g.tally.rotated.Add(1)
			g.renewed(ctx, &res.Session)
			return Issued{Token: token, Session: res.Session, Renewed: true}, nil
		case res.Seal == nil:
			g.changed(ctx, res.Changed)
			g.renewed(ctx, &res.Session)
			return Issued{Session: res.Session, Renewed: true}, nil
		}
		if token, err = unseal(keys, res.Seal, res.Session.Digest); err == nil {
			return Issued{Token: token, Session: res.Session, Reused: true}, nil
		}
		r.Lost = res.Session.Digest
	}
	return Issued{}, unavailable(fmt.Errorf("durin: %w, repeatedly", keyring.ErrSeal))
}

// late tells what stands against a renewal of d, which the store does not have
// as a live token: it may be one that was replaced, and is presented too late.
func (g *Guard) late(ctx context.Context, d Digest) error {
	s, err := g.store.Lookup(ctx, d)
	switch {
	case errors.Is(err, ErrNotFound):
		return ErrInvalidToken
	case err != nil:
		return unavailable(err)
	}
	if s.ReplacedBy != nil && s.Expired(g.now()) {
		return g.replay(ctx, &s)
	}
	return ErrInvalidToken
}

// LogOut ends a session at its owner's wish. ErrInvalidToken if it has ended
// already, ErrNoToken for nobody's, nil.
func (g *Guard) LogOut(ctx context.Context, s *Session) error {
	if s == nil {
		return ErrNoToken
	}
	return g.logOut(ctx, s, "logout", Selection{Digest: s.Digest})
}

// LogOutEverywhere ends all sessions of the owner of s, s among them, at the
// owner's wish: API keys too, which are sessions of their client; to spare those
// use End with Selection.Spare. ErrInvalidToken if there were none left,
// ErrNoToken for nobody's, nil.
func (g *Guard) LogOutEverywhere(ctx context.Context, s *Session) error {
	if s == nil {
		return ErrNoToken
	}
	return g.logOut(ctx, s, "logout.all", Selection{UserID: s.UserID})
}

func (g *Guard) logOut(ctx context.Context, s *Session, what string, sel Selection) error {
	ended, err := g.end(ctx, loggedOut, sel)
	if err != nil {
		return err
	}
	if ended == 0 {
		return ErrInvalidToken
	}
	g.notifyEnded(ctx, what, sel, s, ended)
	e := Event{At: g.now()}
	e.about(s)
	fire(ctx, g.opt.Hooks.LoggedOut, e)
	return nil
}

// End ends the sessions that sel selects and returns how many tokens that were:
// a session whose token was just replaced by a renewal has two. When it returns
// they are refused here, and on other nodes as soon as those hear of it: within
// StaleBound. A selection of nothing, which would end everything, is a *FieldError.
func (g *Guard) End(ctx context.Context, sel Selection) (int, error) {
	s := g.about(ctx, sel)
	n, err := g.end(ctx, revoked, sel)
	g.notifyEnded(ctx, "token.revoke", sel, s, n)
	return n, err
}

func (g *Guard) end(ctx context.Context, why cause, sel Selection) (int, error) {
	known := g.lookSelection(ctx, sel)
	digests, err := g.store.End(ctx, sel, g.now())
	if err != nil {
		return 0, unavailable(err)
	}
	g.ended(ctx, why, digests, known)
	return len(digests), nil
}

// EndToken ends the session of a token, whoever bears it, and reports whether
// there was one.
func (g *Guard) EndToken(ctx context.Context, token Secret) (bool, error) {
	if !g.form.possible(string(token)) {
		return false, nil
	}
	d := token.Digest()
	n, err := g.End(ctx, Selection{Digest: d})
	if n > 0 || err != nil || !g.legacy.left.Load() {
		return n > 0, err
	}
	if _, err := g.adopt(ctx, d, string(token)); err != nil {
		if errors.Is(err, ErrNotFound) {
			err = nil
		}
		return false, unavailable(err)
	}
	n, err = g.End(ctx, Selection{Digest: d})
	return n > 0, err
}

// EndSome ends at most limit sessions of f, and returns how many: call it until
// it returns less. What is ended is refused as after End. A filter that selects
// by nothing is an error.
func (g *Guard) EndSome(ctx context.Context, f browse.Filter, limit int) (int, error) {
	b, err := g.browser()
	if err != nil {
		return 0, err
	}
	f = g.stamped(f)
	known := ending{}
	if g.opt.Hooks.Revoked != nil {
		known = ending{sessions: map[Digest]*Session{}, other: Session{UserID: f.UserID, Client: &Client{Name: f.Client}}}
		if some, err := b.Browse(ctx, f, browse.Cursor{}, limit); err == nil {
			known.add(some)
		}
	}
	digests, err := b.EndSome(ctx, f, limit, g.now())
	if err != nil {
		return 0, unavailable(err)
	}
	g.ended(ctx, revoked, digests, known)
	g.notifyEnded(ctx, "token.revoke", Selection{UserID: f.UserID, Client: f.Client, Except: f.Except}, nil, len(digests))
	return len(digests), nil
}

// Sessions lists sessions, expired ones among them until they are pruned, with
// their Device.
func (g *Guard) Sessions(ctx context.Context, q browse.Query) ([]Session, error) {
	if q.Now.IsZero() {
		q.Now = g.now()
	}
	list, err := g.store.Sessions(ctx, q)
	return list, unavailable(err)
}

// FindToken returns the session of a token without using it: of one that has
// expired, too, and of one that a renewal has replaced, with ReplacedBy. ErrNotFound
// if there is none. It is for those who have found a token, not for its bearer.
func (g *Guard) FindToken(ctx context.Context, token Secret) (Session, error) {
	if !g.form.possible(string(token)) {
		return Session{}, ErrNotFound
	}
	s, err := g.store.Lookup(ctx, token.Digest())
	if errors.Is(err, ErrNotFound) && g.legacy.left.Load() {
		s, err = g.adopt(ctx, token.Digest(), string(token))
	}
	return s, unavailable(err)
}

// Possible reports whether token can be one of ours or an imported one: by its
// length and bytes, and where it has the form of Options.TokenPrefix by its
// checksum. Nothing is looked up.
func (g *Guard) Possible(token Secret) bool { return g.form.possible(string(token)) }

// OpenSeal returns the clear token of a session that was issued with a seal
// that can be opened, for the one who owns it. keyring.ErrSeal if there is none.
func (g *Guard) OpenSeal(ctx context.Context, s *Session) (Secret, error) {
	keys := g.keys.Load()
	if keys == nil || s == nil {
		return "", keyring.ErrSeal
	}
	list, err := g.store.Seals(ctx, s.ID-1, 1)
	if err != nil {
		return "", unavailable(err)
	}
	if len(list) == 0 || list[0].Digest != s.Digest {
		return "", keyring.ErrSeal
	}
	return unseal(keys, list[0].Seal, s.Digest)
}

// unseal opens the seal of the token d, or returns keyring.ErrSeal.
func unseal(keys *keyring.Ring, seal []byte, d Digest) (Secret, error) {
	token, err := keys.Open(seal, d)
	return Secret(token), err
}
