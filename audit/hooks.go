package audit

import (
	"context"
	"strconv"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/span"
)

// Hooks returns hooks for a Guard that record what it does, and then call those
// of next. Of a nil Log they are next.
func (l *Log) Hooks(next durin.Hooks) durin.Hooks {
	if l == nil {
		return next
	}
	h := next
	h.Created = then(l.created, next.Created)
	h.Renewed = then(l.renewed, next.Renewed)
	h.LoggedIn = then(l.loggedIn, next.LoggedIn)
	h.LoginFailed = then(l.loginFailed, next.LoginFailed)
	h.Changed = then(l.changed, next.Changed)
	return h
}

func then[T any](first, second func(context.Context, T)) func(context.Context, T) {
	if second == nil {
		return first
	}
	return func(ctx context.Context, t T) {
		first(ctx, t)
		second(ctx, t)
	}
}

// of is an Entry about a session's token.
func of(action Action, e durin.Event) Entry {
	entry := Entry{
		At: e.At, Action: action, UserID: e.UserID, UserName: e.UserName, Client: e.Client,
		Address: e.Origin.Address, Agent: e.Origin.Agent, RequestID: e.Origin.RequestID,
	}
	if s := e.Session; s != nil {
		entry.about(s)
	}
	return entry
}

// about makes s what e is about.
func (e *Entry) about(s *durin.Session) {
	e.UserID, e.SessionID = s.UserID, s.ID
	if s.UserName != "" {
		e.UserName = s.UserName
	}
	if s.Client != nil {
		e.Client = s.Client.Name
	}
}

func (l *Log) created(ctx context.Context, e durin.Event) {
	action := TokenIssue
	if l.isKey(e.Client) {
		action = KeyCreate
	}
	entry := of(action, e)
	if e.Login && ActorFrom(ctx) == (Actor{}) {
		entry.Actor = Actor{User, e.UserID, e.UserName}
	}
	if s := e.Session; s != nil {
		entry.Details = map[string]any{"expires": instantText(s.ExpiresAt)}
		if s.Device != nil && s.Device.Name != "" {
			entry.Details["device"] = s.Device.Name
		}
	}
	l.Record(ctx, entry)
}

func (l *Log) isKey(client string) bool { return client != "" && client == l.opt.KeyClient }

func (l *Log) renewed(ctx context.Context, e durin.Event) {
	entry := of(TokenRenew, e)
	if e.Login && ActorFrom(ctx) == (Actor{}) {
		entry.Actor = Actor{User, e.UserID, e.UserName}
	}
	if e.Session != nil {
		entry.Details = map[string]any{"expires": instantText(e.Session.ExpiresAt)}
	}
	l.Record(ctx, entry)
}

func instantText(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return span.Writable(t, time.UTC).Format(time.RFC3339)
}

func (l *Log) loggedIn(ctx context.Context, e durin.Event) {
	entry := of(Login, e)
	if entry.UserName == "" {
		entry.UserName = e.UserName
	}
	entry.Actor = Actor{User, e.UserID, e.UserName}
	l.Record(ctx, entry)
}

func (l *Log) loginFailed(ctx context.Context, e durin.Event) {
	entry := of(LoginFailed, e)
	entry.Actor = Actor{Kind: Anonymous}
	l.Record(ctx, entry)
}

// changed records what a call of the Guard changed.
func (l *Log) changed(ctx context.Context, c durin.Change) {
	e := Entry{At: c.At, Action: Action(c.What)}
	switch {
	case c.Client != nil || c.OldClient != nil:
		e.ofClient(c.OldClient, c.Client)
	case c.User != nil || c.OldUser != nil:
		e.ofUser(c.OldUser, c.User)
		if c.Count > 0 {
			e.Details["tokens"] = c.Count
		}
	case c.Server != nil:
		e.Details = map[string]any{"id": strconv.FormatInt(c.Server.ID, 10)}
		if c.Server.Name != "" {
			e.Details["name"] = c.Server.Name
			e.Details["expires"] = instantText(c.Server.Expires)
		}
	default:
		l.ended(ctx, &e, c)
	}
	l.Record(ctx, e)
}

// ended tells of sessions that were ended.
func (l *Log) ended(ctx context.Context, e *Entry, c durin.Change) {
	e.UserID, e.Client, e.SessionID = c.Ended.UserID, c.Ended.Client, c.Ended.ID
	if c.Session != nil {
		e.about(c.Session)
	}
	if s := c.Session; s != nil && (e.Action == Logout || e.Action == LogoutAll) && ActorFrom(ctx) == (Actor{}) {
		e.Actor = Actor{User, s.UserID, s.UserName}
	}
	if e.Action == TokenReplay { // nobody asked for it
		e.Actor = Actor{Kind: System}
	}
	if e.Action == LogoutAll {
		e.Client, e.SessionID = "", 0
	}
	if e.SessionID == 0 {
		e.Details = map[string]any{"tokens": c.Count}
	}
	if e.Action == TokenRevoke && l.isKey(e.Client) {
		e.Action = KeyDelete
	}
}

// ofClient tells what is different: of a new client all that is set.
func (e *Entry) ofClient(before, after *durin.Client) {
	e.Details = map[string]any{}
	if after == nil {
		e.Client = before.Name
		return
	}
	e.Client = after.Name
	fresh := before == nil
	if fresh {
		before = &durin.Client{Name: after.Name}
	}
	for _, f := range [...]struct{ name, before, after string }{
		{"name", before.Name, after.Name},
		{"ttl", spanText(before.TTL), spanText(after.TTL)},
		{"throttle", before.Rate.String(), after.Rate.String()},
		{"policy", string(before.Policy), string(after.Policy)},
		{"max-tokens", strconv.Itoa(before.MaxTokens), strconv.Itoa(after.MaxTokens)},
		{"sliding", spanText(before.Sliding), spanText(after.Sliding)},
		{"max-life", spanText(before.MaxLife), spanText(after.MaxLife)},
		{"rotate", spanText(before.Rotate), spanText(after.Rotate)},
		{"no-password", strconv.FormatBool(before.NoPassword), strconv.FormatBool(after.NoPassword)},
		{"cookie", strconv.FormatBool(before.Cookie), strconv.FormatBool(after.Cookie)},
		{"description", before.Description, after.Description},
	} {
		e.compare(fresh, f.name, f.before, f.after)
	}
}

func spanText(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	return span.Format(d)
}

func (e *Entry) compare(fresh bool, name, before, after string) {
	switch {
	case before == after:
	case fresh:
		e.Details[name] = after
	default:
		e.Details[name] = Changed{before, after}
	}
}

// ofUser tells what is different. A change of one kind only is an action of its
// own.
func (e *Entry) ofUser(before, after *durin.User) {
	e.Details = map[string]any{}
	if after == nil {
		e.UserID, e.UserName = before.ID, before.Name
		return
	}
	e.UserID, e.UserName = after.ID, after.Name
	fresh := before == nil
	if fresh {
		before = &durin.User{Name: after.Name}
	}
	e.compare(fresh, "name", before.Name, after.Name)
	e.compare(fresh, "active", strconv.FormatBool(before.Active), strconv.FormatBool(after.Active))
	e.compare(fresh, "admin", strconv.FormatBool(before.Admin), strconv.FormatBool(after.Admin))
	if fresh {
		return
	}
	if before.Password != after.Password {
		e.Details["password"] = "changed"
	}
	if len(e.Details) != 1 {
		return
	}
	switch {
	case before.Password != after.Password:
		e.Action, e.Details = UserPassword, map[string]any{}
	case before.Active && !after.Active:
		e.Action, e.Details = UserDeactivate, map[string]any{}
	case !before.Active && after.Active:
		e.Action, e.Details = UserActivate, map[string]any{}
	}
}
