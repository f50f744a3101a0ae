package admin

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/internal/pages"
)

const tokensPage = 50

// tokenRow is a session in a list.
type tokenRow struct {
	*durin.Session
	URL, UserURL string
	User         string
	State        string // "live", "soon", "expired" or "inactive"
	Mine         bool   // the one that is looked with
	History      string // the address of what was done to its user for its client; empty: none
}

// tokenList is what the list shows.
type tokenList struct {
	Filter pages.Form
	Rows   []tokenRow
	Pages  pager
	All    string // the address that asks about revoking all of the filter; empty: there is no filter
	Narrow bool   // something is filtered for
	Meant  []pages.Share
	New    string     // the address of issuing one
	Kept   url.Values // what is filtered for, to come back to
}

// kept are the values of a query that are set, of those keys.
func kept(q url.Values, keys ...string) url.Values {
	some := url.Values{}
	for _, key := range keys {
		if text := q.Get(key); text != "" {
			some.Set(key, text)
		}
	}
	return some
}

// asked is what a query asks for.
type asked struct {
	browse.Filter
	user  durin.User
	meant []durin.User // who may have been meant, when nobody has that name
	id    int64
	none  bool // nothing can be found
}

func (h *Handler) listTokens(v *visit) error {
	ctx, q := v.r.Context(), v.r.URL.Query()
	a, form, err := h.tokenQuery(ctx, q)
	if err != nil {
		return err
	}
	list := &tokenList{Filter: *form, Narrow: with(q, "after", "", "at", "") != "", New: h.site.At("tokens", "new")}
	if a.user.ID != "" {
		list.New += with(nil, "user", a.user.ID)
	}
	for _, u := range a.meant {
		list.Meant = append(list.Meant, pages.Share{Name: u.Name, URL: h.site.At("tokens") + with(q, "user", u.Name, "after", "", "at", "")})
	}
	rows, err := h.tokens(ctx, a, cursorOf(q), tokensPage+1)
	if err != nil {
		return err
	}
	if q.Get("after") != "" {
		list.Pages.First = h.site.At("tokens") + with(q, "after", "", "at", "")
	}
	if len(rows) > tokensPage {
		rows = rows[:tokensPage]
		list.Pages.Next = h.site.At("tokens") + with(q, cursorTo(rows[tokensPage-1])...)
	}
	list.Rows = h.tokenRows(ctx, v, rows)
	list.Kept = kept(q, "user", "client", "state", "after", "at")
	if len(rows) > 0 && a.id == 0 && (a.UserID != "" || a.Client != "" || a.State != browse.Any) {
		list.All = h.site.At("tokens", "revoke") + with(q, "all", "1", "after", "", "at", "")
	}
	return h.show(v, "tokens", pages.View{Title: h.site.Text("tokens.title"), Here: "tokens", Data: list})
}

// tokenQuery reads what is asked for, and makes the form that says it.
func (h *Handler) tokenQuery(ctx context.Context, q url.Values) (*asked, *pages.Form, error) {
	a := &asked{Filter: browse.Filter{Now: h.guard.Now(), Client: q.Get("client")}}
	form := &pages.Form{}
	user := form.Add(pages.Field{Name: "user", Kind: "text", Label: h.site.Text("filter.user"), Value: strings.TrimSpace(q.Get("user")), Suggest: h.site.At("people", "suggest"), Max: durin.MaxUserName})
	clients, err := h.guard.Clients(ctx)
	if err != nil {
		return nil, nil, err
	}
	form.Add(pages.Field{Name: "client", Kind: "select", Label: h.site.Text("filter.client"), Options: h.clientChoices(clients, a.Client)})
	state := q.Get("state")
	var states []pages.Choice
	for _, key := range []string{"", "live", "soon", "expired"} {
		states = append(states, pages.Choice{Value: key, Text: h.site.Text("filter.state." + key), Selected: key == state})
	}
	form.Add(pages.Field{Name: "state", Kind: "select", Label: h.site.Text("filter.state"), Options: states})
	id := form.Add(pages.Field{Name: "id", Kind: "text", Label: h.site.Text("filter.id"), Value: strings.TrimSpace(q.Get("id")), Max: 20})
	switch state {
	case "live":
		a.State = browse.Live
	case "soon":
		a.State, a.ExpiresBefore = browse.Live, a.Now.Add(soon)
	case "expired":
		a.State = browse.Expired
	}
	if id.Value != "" {
		if a.id = idOf(id.Value); a.id == 0 {
			id.Error, a.none = h.site.Text("filter.id.bad"), true
		}
	}
	return a, form, h.findUser(ctx, a, user)
}

// findUser looks up whose tokens are asked for.
func (h *Handler) findUser(ctx context.Context, a *asked, field *pages.Field) error {
	if field.Value == "" {
		return nil
	}
	u, err := h.people.find(ctx, field.Value)
	switch {
	case err == nil:
		a.user, a.UserID = u, u.ID
	case errors.Is(err, durin.ErrNotFound):
		field.Error, a.none = h.site.Text("filter.user.none"), true
		a.meant, err = h.people.begins(ctx, field.Value, 8)
	}
	if errors.Is(err, durin.ErrNotFound) {
		return nil
	}
	return err
}

func (h *Handler) clientChoices(clients []durin.Client, present string) []pages.Choice {
	choices := []pages.Choice{{Text: h.site.Text("filter.client.any")}}
	for _, c := range clients {
		choices = append(choices, pages.Choice{Value: c.Name, Text: c.Name, Selected: c.Name == present})
	}
	return choices
}

// tokens are the sessions that a asks for.
func (h *Handler) tokens(ctx context.Context, a *asked, after browse.Cursor, limit int) ([]durin.Session, error) {
	switch {
	case a.none:
		return nil, nil
	case a.id != 0:
		return h.guard.Sessions(ctx, browse.Query{ID: a.id, UserID: a.UserID, Client: a.Client, State: a.State, Now: a.Now, Limit: 1})
	}
	return h.guard.Browse(ctx, a.Filter, after, limit)
}

func cursorOf(q url.Values) browse.Cursor {
	c := browse.Cursor{ID: idOf(q.Get("after"))}
	if at, err := strconv.ParseInt(q.Get("at"), 10, 64); err == nil {
		c.ExpiresAt = time.UnixMicro(at)
	}
	return c
}

func cursorTo(s durin.Session) []string {
	at := ""
	if !s.ExpiresAt.IsZero() {
		at = strconv.FormatInt(s.ExpiresAt.UnixMicro(), 10)
	}
	return []string{"after", strconv.FormatInt(s.ID, 10), "at", at}
}

func (h *Handler) tokenRows(ctx context.Context, v *visit, some []durin.Session) []tokenRow {
	n := names{people: h.people}
	now := h.guard.Now()
	rows := make([]tokenRow, len(some))
	for i := range some {
		s := &some[i]
		rows[i] = tokenRow{
			Session: s, URL: h.site.At("tokens", s.ID), UserURL: h.site.At("users", s.UserID), User: n.of(ctx, s.UserID, s.UserName),
			State: stateOf(s, now), Mine: s.ID == v.session.ID,
		}
	}
	return rows
}

func stateOf(s *durin.Session, now time.Time) string {
	switch {
	case s.Expired(now):
		return "expired"
	case s.Inactive:
		return "inactive"
	case !s.ExpiresAt.IsZero() && s.ExpiresAt.Sub(now) < soon:
		return "soon"
	}
	return "live"
}

// session returns the one that the address names.
func (h *Handler) session(v *visit) (durin.Session, error) {
	id := idOf(v.r.PathValue("id"))
	if id == 0 {
		return durin.Session{}, durin.ErrNotFound
	}
	list, err := h.guard.Sessions(v.r.Context(), browse.Query{ID: id, Limit: 1})
	if err == nil && len(list) == 0 {
		err = durin.ErrNotFound
	}
	if err != nil {
		return durin.Session{}, err
	}
	return list[0], nil
}

func (h *Handler) showToken(v *visit) error {
	s, err := h.session(v)
	if err != nil {
		return err
	}
	row := h.tokenRows(v.r.Context(), v, []durin.Session{s})[0]
	row.History = h.historyOf("user", s.UserID, "client", s.Client.Name)
	return h.show(v, "token", pages.View{Title: h.site.Text("tokens.one", s.ID), Here: "tokens", Data: row})
}

func (h *Handler) renewToken(v *visit) error {
	s, err := h.session(v)
	if err != nil {
		return err
	}
	_, err = h.guard.Prolong(v.r.Context(), &s)
	if errors.Is(err, durin.ErrInvalidToken) {
		h.site.Notify(v.w, "bad", h.site.Text("tokens.renew.expired"))
		h.site.Redirect(v.w, v.r, h.site.At("tokens", s.ID))
		return nil
	}
	if err != nil {
		return err
	}
	return h.done(v, h.site.At("tokens", s.ID), h.site.Text("tokens.renewed", s.ID))
}

// suggest lists names for a search field, to scripts.
func (h *Handler) suggest(v *visit) error {
	text := strings.TrimSpace(v.r.FormValue("q"))
	list := []string{}
	if text != "" {
		some, err := h.people.begins(v.r.Context(), text, 10)
		if err != nil {
			return err
		}
		for _, u := range some {
			list = append(list, u.Name)
		}
	}
	durin.WriteJSON(v.w, 200, list)
	return nil
}

func (h *Handler) tokenForm(v *visit) (*pages.Form, []durin.Client, error) {
	clients, err := h.clients(v.r.Context())
	if err != nil {
		return nil, nil, err
	}
	form := &pages.Form{}
	user := form.Add(pages.Field{
		Name: "user", Kind: "text", Label: h.site.Text("issue.user"), Help: h.site.Text("issue.user.help"), Value: strings.TrimSpace(v.r.FormValue("user")), Required: true,
		Suggest: h.site.At("people", "suggest"), Max: durin.MaxUserName,
	})
	if pages.Safe(v.r) && user.Value != "" {
		if u, err := h.people.byID(v.r.Context(), user.Value); err == nil && u.Name != "" {
			user.Value = u.Name
		}
	}
	choices := h.clientChoices(clients, v.r.FormValue("client"))
	choices[0].Text = h.site.Text("issue.client.none")
	form.Add(pages.Field{Name: "client", Kind: "select", Label: h.site.Text("issue.client"), Help: h.site.Text("issue.client.help"), Options: choices, Required: true})
	form.Add(pages.Field{Name: "ttl", Kind: "text", Label: h.site.Text("issue.ttl"), Help: h.site.Text("issue.ttl.help"), Value: v.r.FormValue("ttl")})
	return form, clients, nil
}

func (h *Handler) newToken(v *visit) error {
	form, clients, err := h.tokenForm(v)
	if err != nil {
		return err
	}
	if len(clients) == 0 {
		h.site.Notify(v.w, "note", h.site.Text("issue.first"))
		h.site.Redirect(v.w, v.r, h.site.At("clients", "new"))
		return nil
	}
	h.askAgain(v, form)
	return h.show(v, "issue", pages.View{Title: h.site.Text("issue.title"), Here: "tokens", Data: form})
}

// issued is what the page of a new token shows: the one place of its text.
type issued struct {
	Token   string
	User    string
	Client  string
	Expires time.Time
	URL     string
	Reused  bool // the owner has it already: it is not shown
}

func (h *Handler) issueToken(v *visit) error {
	form, _, err := h.tokenForm(v)
	if err != nil {
		return err
	}
	req := durin.IssueRequest{Client: v.r.PostFormValue("client"), Device: durin.Device{Name: h.site.Text("issue.device", v.user.Name)}}
	u, err := h.readIssue(v, form, &req)
	if err != nil {
		return err
	}
	again := func() error {
		return h.show(v, "issue", pages.View{Status: 422, Title: h.site.Text("issue.title"), Here: "tokens", Data: form})
	}
	if form.Faults() > 0 {
		return again()
	}
	out, err := h.guard.Issue(v.r.Context(), req)
	switch {
	case errors.Is(err, durin.ErrUnknownClient):
		form.Fault("client", h.site.Text("issue.client.gone"))
		return again()
	case errors.Is(err, durin.ErrTooManyTokens):
		form.Fault("client", h.site.Text("issue.many"))
		return again()
	case errors.Is(err, durin.ErrInactive):
		form.Fault("user", h.site.Text("issue.inactive"))
		return again()
	case err != nil:
		return err
	}
	shown := issued{User: u.Name, Client: req.Client, Expires: out.Session.ExpiresAt, URL: h.site.At("tokens", out.Session.ID), Reused: out.Reused}
	title := "issue.reused"
	if !out.Reused {
		shown.Token, title = out.Token.Reveal(), "issue.done"
	}
	return h.show(v, "issued", pages.View{Title: h.site.Text(title), Here: "tokens", Data: shown})
}

// readIssue reads for whom a token is, and for how long.
func (h *Handler) readIssue(v *visit, form *pages.Form, req *durin.IssueRequest) (durin.User, error) {
	text := strings.TrimSpace(v.r.PostFormValue("user"))
	u, err := durin.User{}, error(nil)
	if text == "" {
		form.Fault("user", h.site.Text("signin.empty"))
	} else if u, err = h.people.find(v.r.Context(), text); errors.Is(err, durin.ErrNotFound) {
		form.Fault("user", h.site.Text("filter.user.none"))
	} else if err != nil {
		return u, err
	}
	if req.Client == "" {
		form.Fault("client", h.site.Text("issue.client.none"))
	} else if req.Client == durin.AdminClient {
		form.Fault("client", h.site.Text("clients.reserved"))
	}
	req.UserID = u.ID
	req.TTL = h.readSpan(form, v.r.PostForm, "ttl")
	return u, nil
}
