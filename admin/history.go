package admin

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/internal/pages"
)

const historyPage = 50

// historyRow is something that was done, in the list.
type historyRow struct {
	audit.Row
	What      string // the action in words
	By, ByURL string
	Kind      string // of By, in words; empty: a user
	User      string
	UserURL   string
	ClientURL string
	TokenURL  string
	Details   []audit.Detail
}

// historyList is what the list shows.
type historyList struct {
	Filter pages.Form
	Rows   []historyRow
	Pages  pager
	Narrow bool
}

func (h *Handler) listHistory(v *visit) error {
	ctx, q := v.r.Context(), v.r.URL.Query()
	clients, err := h.guard.Clients(ctx)
	if err != nil {
		return err
	}
	list := &historyList{Narrow: with(q, "after", "") != ""}
	f, none, err := h.historyFilter(ctx, q, clients, &list.Filter)
	if err != nil {
		return err
	}
	var rows []audit.Row
	if !none {
		if rows, err = h.opt.History.FindAudit(ctx, f, historyCursor(q), historyPage+1); err != nil {
			return &unavailable{err}
		}
	}
	if q.Get("after") != "" {
		list.Pages.First = h.site.At("history") + with(q, "after", "")
	}
	if len(rows) > historyPage {
		rows = rows[:historyPage]
		list.Pages.Next = h.site.At("history") + with(q, "after", cursorText(audit.CursorOf(rows[historyPage-1])))
	}
	list.Rows = h.historyRows(ctx, rows, clients)
	return h.show(v, "history", pages.View{Title: h.site.Text("history.title"), Here: "history", Data: list})
}

// historyFilter reads what is asked for, and makes the form that says it. none
// says that nothing can be found.
func (h *Handler) historyFilter(ctx context.Context, q url.Values, clients []durin.Client, form *pages.Form) (f audit.Filter, none bool, err error) {
	suggest := h.site.At("people", "suggest")
	people := func(name string, to *string) error {
		field := form.Add(pages.Field{Name: name, Kind: "text", Label: h.site.Text("history.filter." + name), Value: strings.TrimSpace(q.Get(name)), Suggest: suggest, Max: durin.MaxUserName})
		if field.Value == "" {
			return nil
		}
		u, err := h.people.find(ctx, field.Value)
		if errors.Is(err, durin.ErrNotFound) { // the id of one who is gone, or an account of the operating system
			*to, err = field.Value, nil
			return err
		}
		*to = u.ID
		return err
	}
	if err := people("user", &f.UserID); err != nil {
		return f, false, err
	}
	if err := people("by", &f.ActorID); err != nil {
		return f, false, err
	}
	f.Action, f.Client = audit.Action(q.Get("action")), q.Get("client")
	choices := []pages.Choice{{Text: h.site.Text("history.filter.action.any")}}
	for _, a := range audit.Actions() {
		choices = append(choices, pages.Choice{Value: string(a), Text: h.actionText(a), Selected: a == f.Action})
	}
	form.Add(pages.Field{Name: "action", Kind: "select", Label: h.site.Text("history.filter.action"), Options: choices})
	form.Add(pages.Field{Name: "client", Kind: "select", Label: h.site.Text("filter.client"), Options: h.historyClients(clients, f.Client)})
	days := func(name string, plus int, to *time.Time) {
		field := form.Add(pages.Field{Name: name, Kind: "date", Label: h.site.Text("history.filter." + name), Value: strings.TrimSpace(q.Get(name))})
		if field.Value == "" {
			return
		}
		day, err := time.Parse(time.DateOnly, field.Value)
		if err != nil {
			field.Error, none = h.site.Text("history.filter.day.bad"), true
			return
		}
		*to = day.AddDate(0, 0, plus)
	}
	days("from", 0, &f.Since)
	days("to", 1, &f.Until)
	return f, none, nil
}

// historyClients are the choices of clients, with one that is gone if it is asked
// for.
func (h *Handler) historyClients(clients []durin.Client, present string) []pages.Choice {
	choices := h.clientChoices(clients, present)
	if present != "" && !slices.ContainsFunc(clients, func(c durin.Client) bool { return c.Name == present }) {
		choices = append(choices, pages.Choice{Value: present, Text: present, Selected: true})
	}
	return choices
}

// actionText tells an action in words; of one that has none, its name.
func (h *Handler) actionText(a audit.Action) string {
	if slices.Contains(audit.Actions(), a) {
		return h.site.Text("action." + string(a))
	}
	return string(a)
}

func cursorText(c audit.Cursor) string {
	return strconv.FormatInt(c.At.UnixMicro(), 10) + "." + strconv.FormatInt(c.Seq, 10) + "." + c.Chain
}

func historyCursor(q url.Values) audit.Cursor {
	at, rest, _ := strings.Cut(q.Get("after"), ".")
	seq, chain, _ := strings.Cut(rest, ".")
	micros, err1 := strconv.ParseInt(at, 10, 64)
	n, err2 := strconv.ParseInt(seq, 10, 64)
	if err1 != nil || err2 != nil {
		return audit.Cursor{}
	}
	return audit.Cursor{At: time.UnixMicro(micros), Chain: chain, Seq: n}
}

func (h *Handler) historyRows(ctx context.Context, rows []audit.Row, clients []durin.Client) []historyRow {
	n := names{people: h.people}
	ids := map[string]int64{}
	for _, c := range clients {
		if c.Name != durin.AdminClient {
			ids[c.Name] = c.ID
		}
	}
	list := make([]historyRow, len(rows))
	for i, r := range rows {
		row := historyRow{Row: r, What: h.actionText(r.Action), By: r.Actor.Name, User: r.UserName, Details: audit.ReadDetails(r.Details)}
		switch r.Actor.Kind {
		case audit.User, audit.Admin:
			row.By, row.ByURL = n.of(ctx, r.Actor.ID, r.Actor.Name), h.site.At("users", r.Actor.ID)
		default:
			if row.By == "" {
				row.By = r.Actor.ID
			}
		}
		if r.Actor.Kind != audit.User {
			row.Kind = h.site.Text("actor." + string(r.Actor.Kind))
		}
		if r.UserID != "" {
			row.User, row.UserURL = n.of(ctx, r.UserID, r.UserName), h.site.At("users", r.UserID)
		}
		if id := ids[r.Client]; id != 0 {
			row.ClientURL = h.site.At("clients", id)
		}
		if r.SessionID != 0 {
			row.TokenURL = h.site.At("tokens", r.SessionID)
		}
		list[i] = row
	}
	return list
}

// historyOf is the address of what was done to a user, or about a client; empty
// where no log is kept.
func (h *Handler) historyOf(pairs ...string) string {
	if h.opt.History == nil {
		return ""
	}
	return h.site.At("history") + with(nil, pairs...)
}
