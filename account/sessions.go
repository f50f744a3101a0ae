package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/internal/pages"
)

// prepareClient makes the client of sign-ins if it is not there.
func (h *Handler) prepareClient(ctx context.Context) error {
	c, err := h.guard.ClientByName(ctx, h.opt.Client)
	switch {
	case err == nil && !c.Cookie:
		return fmt.Errorf("account: the client %q does not have its tokens in cookies", h.opt.Client)
	case !errors.Is(err, durin.ErrUnknownClient):
		return err
	}
	const day = 24 * time.Hour
	_, err = h.guard.CreateClient(ctx, durin.Client{
		Name: h.opt.Client, Cookie: true, TTL: 14 * day, Sliding: time.Hour, MaxLife: 90 * day,
		Policy: durin.PolicyEvict, MaxTokens: 20, Description: h.site.Text("client.browser"),
	})
	if errors.Is(err, durin.ErrExists) {
		err = nil
	}
	return err
}

// shown is how many sessions the page lists.
const shown = 100

// sessionRow is a session in the list.
type sessionRow struct {
	durin.Session
	Current bool
	End     string // the address that asks
	Client  string
}

type sessionList struct {
	Rows   []sessionRow
	Others bool // there are some
	More   bool
}

// sessions are the user's live ones, the newest first, without the API key.
func (h *Handler) sessions(v *visit, after int64, limit int) ([]durin.Session, error) {
	return h.guard.Sessions(v.r.Context(), browse.Query{UserID: v.session.UserID, State: browse.Live, Newest: true, After: after, Limit: limit})
}

func (h *Handler) isKey(s *durin.Session) bool {
	return h.opt.APIKeyClient != "" && s.Client.Name == h.opt.APIKeyClient
}

func (h *Handler) listSessions(v *visit) error {
	some, err := h.sessions(v, 0, shown+1)
	if err != nil {
		return err
	}
	list := &sessionList{More: len(some) > shown}
	for _, s := range some[:min(len(some), shown)] {
		if h.isKey(&s) {
			continue
		}
		row := sessionRow{Session: s, Current: s.ID == v.session.ID, End: h.site.At("sessions", s.ID, "end"), Client: s.Client.Name}
		if row.Client == durin.AdminClient {
			row.Client = h.site.Text("sessions.admin")
		}
		list.Others = list.Others || !row.Current
		list.Rows = append(list.Rows, row)
	}
	slices.SortStableFunc(list.Rows, func(a, b sessionRow) int {
		switch {
		case a.Current == b.Current:
			return 0
		case a.Current:
			return -1
		}
		return 1
	})
	return h.show(v, "sessions", pages.View{Title: h.site.Text("sessions.title"), Here: "sessions", Data: list})
}

func (h *Handler) ask(v *visit, q *pages.Question, title, here string) error {
	return h.show(v, "question", pages.View{Title: title, Here: here, Data: q})
}

// session is the user's own one that the address names.
func (h *Handler) session(v *visit) (durin.Session, error) {
	id, err := strconv.ParseInt(v.r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return durin.Session{}, durin.ErrNotFound
	}
	list, err := h.guard.Sessions(v.r.Context(), browse.Query{ID: id, UserID: v.session.UserID, Limit: 1})
	if err == nil && (len(list) == 0 || h.isKey(&list[0])) {
		err = durin.ErrNotFound
	}
	if err != nil {
		return durin.Session{}, err
	}
	return list[0], nil
}

func (h *Handler) askSession(v *visit) error {
	s, err := h.session(v)
	if err != nil {
		return err
	}
	q := &pages.Question{Text: h.site.Text("sessions.end.text"), Do: h.site.Text("sessions.end.do"), Back: h.site.Path()}
	q.Lines = []string{h.site.Text("sessions.line", s.Client.Name, h.site.Device(s.Device.Agent), s.Device.Address)}
	if s.ID == v.session.ID {
		q.Warning = h.site.Text("sessions.end.current")
	}
	return h.ask(v, q, h.site.Text("sessions.end.title"), "sessions")
}

func (h *Handler) endSession(v *visit) error {
	s, err := h.session(v)
	if err != nil {
		return err
	}
	if _, err := h.guard.End(v.r.Context(), durin.Selection{ID: s.ID, UserID: v.session.UserID}); err != nil {
		return err
	}
	return h.done(v, h.site.Path(), h.site.Text("sessions.ended"))
}

func (h *Handler) askOthers(v *visit) error {
	q := &pages.Question{Text: h.site.Text("sessions.others.text"), Do: h.site.Text("sessions.others.do"), Back: h.site.Path()}
	return h.ask(v, q, h.site.Text("sessions.others.title"), "sessions")
}

func (h *Handler) endOthers(v *visit) error {
	n, err := h.endAllOthers(v)
	if err != nil {
		return err
	}
	return h.done(v, h.site.Path(), h.site.Count("sessions.others.ended", n))
}

// endAllOthers ends all sessions of the user but the present one and the API
// key.
func (h *Handler) endAllOthers(v *visit) (int, error) {
	return h.guard.End(v.r.Context(), durin.Selection{UserID: v.session.UserID, Except: v.session.ID, Spare: h.opt.APIKeyClient})
}
