package admin

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/internal/pages"
)

const usersPage = 50

// userList is what the list of users shows.
type userList struct {
	Filter pages.Form
	Rows   []durin.User
	Pages  pager
	Narrow bool
}

func (h *Handler) listUsers(v *visit) error {
	q := v.r.URL.Query()
	prefix, kind := strings.TrimSpace(q.Get("q")), q.Get("kind")
	list := &userList{Narrow: prefix != "" || kind != ""}
	list.Filter.Add(pages.Field{Name: "q", Kind: "text", Label: h.site.Text("filter.search.users"), Value: prefix, Max: durin.MaxUserName})
	var kinds []pages.Choice
	for _, key := range []string{"", "admin", "inactive"} {
		kinds = append(kinds, pages.Choice{Value: key, Text: h.site.Text("filter.kind." + key), Selected: key == kind})
	}
	list.Filter.Add(pages.Field{Name: "kind", Kind: "select", Label: h.site.Text("filter.kind"), Options: kinds})
	f := browse.Users{Prefix: prefix, Admin: kind == "admin", Inactive: kind == "inactive"}
	some, err := h.guard.FindUsers(v.r.Context(), f, q.Get("after"), usersPage+1)
	if err != nil {
		return err
	}
	if q.Get("after") != "" {
		list.Pages.First = h.site.At("users") + with(q, "after", "")
	}
	if len(some) > usersPage {
		some = some[:usersPage]
		list.Pages.Next = h.site.At("users") + with(q, "after", some[usersPage-1].Name)
	}
	list.Rows = some
	return h.show(v, "users", pages.View{Title: h.site.Text("users.title"), Here: "users", Data: list})
}

// userPage is what the page of a user shows.
type userPage struct {
	User     durin.User
	Own      bool // the store's: it can be changed
	Password bool // so can its password
	Self     bool // the visitor
	Rows     []tokenRow
	More     string // the address of all its tokens; empty: all are shown
	Chart    *pages.Chart
	Clients  []pages.Share
	Live     string
	History  string // the address of what was done to the user; empty: none
}

func (h *Handler) showUser(v *visit) error {
	ctx := v.r.Context()
	id := v.r.PathValue("id")
	u, err := h.people.lookUp(ctx, id)
	if err != nil && !(errors.Is(err, durin.ErrNotFound) && h.opt.Users == nil) {
		return err
	}
	page := &userPage{User: u, Own: h.opt.Users != nil, Password: h.opt.Users != nil && h.opt.HashPassword != nil, Self: id == v.user.ID}
	page.User.ID, page.History = id, h.historyOf("user", id)
	live, err := h.guard.CountSessions(ctx, browse.Filter{UserID: id, State: browse.Live}, maxCount)
	if err != nil {
		return err
	}
	page.Live = pages.Bounded(live, maxCount)
	const shown = 20
	some, err := h.guard.Browse(ctx, browse.Filter{UserID: id}, browse.Cursor{}, shown+1)
	if err != nil {
		return err
	}
	if len(some) > shown {
		some, page.More = some[:shown], h.site.At("tokens")+with(url.Values{}, "user", id)
	}
	if err != nil {
		return err
	}
	page.Rows = h.tokenRows(ctx, v, some)
	if err := h.chartUser(ctx, page, id); err != nil {
		return err
	}
	title := page.User.Name
	if title == "" {
		title = id
	}
	here := "users"
	if h.opt.Users == nil {
		here = "tokens"
	}
	return h.show(v, "user", pages.View{Title: title, Here: here, Data: page})
}

// chartUser draws what a user did lately.
func (h *Handler) chartUser(ctx context.Context, page *userPage, id string) error {
	days := lastDays(h.guard.Now(), 30)
	rows, err := h.guard.Usage(ctx, days[0], id, 0)
	if err != nil {
		return err
	}
	clients, err := h.clients(ctx)
	if err != nil {
		return err
	}
	passed := pages.Series{Name: h.site.Text("chart.passed"), Tone: "one", Counts: make([]int64, len(days))}
	throttled := pages.Series{Name: h.site.Text("chart.throttled"), Tone: "two", Counts: make([]int64, len(days))}
	sums := map[int64]*browse.Activity{}
	for _, r := range rows {
		for i, day := range days {
			if day.Equal(r.Day) && isListed(clients, r.ClientID) {
				passed.Counts[i] += r.Requests - r.Throttled
				throttled.Counts[i] += r.Throttled
			}
		}
		if sums[r.ClientID] == nil {
			sums[r.ClientID] = &browse.Activity{}
		}
		sums[r.ClientID].Requests += r.Requests
		sums[r.ClientID].Throttled += r.Throttled
	}
	page.Chart = &pages.Chart{ID: "chart-user", Title: h.site.Text("chart.requests"), Days: days, Series: []pages.Series{passed, throttled}}
	page.Clients = h.clientShares(clients, sums)
	return nil
}

// storeUser returns the store's own user that the address names.
func (h *Handler) storeUser(v *visit) (durin.User, error) {
	return h.people.byID(v.r.Context(), v.r.PathValue("id"))
}

func (h *Handler) userQuestion(v *visit) (durin.User, *pages.Question, error) {
	u, err := h.storeUser(v)
	if err != nil {
		return u, nil, err
	}
	n, err := h.guard.CountSessions(v.r.Context(), browse.Filter{UserID: u.ID}, maxCount)
	q := &pages.Question{
		Text: h.site.Text("users.delete.text"), Lines: []string{h.site.Text("users.falls", u.Name, pages.Bounded(n, maxCount))},
		Do: h.site.Text("users.delete.do"), Back: h.site.At("users", u.ID),
	}
	h.askAgain(v, &q.Form)
	return u, q, err
}

// notSelf refuses what an administrator could not undo any more.
func (h *Handler) notSelf(v *visit, u durin.User) bool {
	if u.ID != v.user.ID {
		return false
	}
	h.site.Notify(v.w, "bad", h.site.Text("users.self"))
	h.site.Redirect(v.w, v.r, h.site.At("users", u.ID))
	return true
}

func (h *Handler) askUser(v *visit) error {
	u, q, err := h.userQuestion(v)
	if err != nil || h.notSelf(v, u) {
		return err
	}
	return h.ask(v, q, h.site.Text("users.delete.title", u.Name), "users", 0)
}

func (h *Handler) deleteUser(v *visit) error {
	u, err := h.storeUser(v)
	if err != nil || h.notSelf(v, u) {
		return err
	}
	if err := h.guard.DeleteUser(v.r.Context(), u.ID); err != nil {
		return err
	}
	return h.done(v, h.site.At("users"), h.site.Text("users.deleted", u.Name))
}
