package admin

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/internal/pages"
)

func (h *Handler) ask(v *visit, q *pages.Question, title, here string, status int) error {
	return h.show(v, "question", pages.View{Status: status, Title: title, Here: here, Data: q})
}

// falls tells what goes with a client.
func (h *Handler) falls(ctx context.Context, c durin.Client) (string, error) {
	n, err := h.guard.CountSessions(ctx, browse.Filter{Client: c.Name}, maxCount)
	if err != nil {
		return "", err
	}
	live, err := h.guard.CountSessions(ctx, browse.Filter{Client: c.Name, State: browse.Live}, maxCount)
	return h.site.Text("clients.falls", c.Name, pages.Bounded(n, maxCount), pages.Bounded(live, maxCount)), err
}

func (h *Handler) clientQuestion(v *visit) (durin.Client, *pages.Question, error) {
	c, err := h.client(v)
	if err != nil {
		return c, nil, err
	}
	line, err := h.falls(v.r.Context(), c)
	q := &pages.Question{Text: h.site.Text("clients.delete.text"), Lines: []string{line}, Do: h.site.Text("clients.delete.do"), Back: h.site.At("clients", c.ID)}
	h.askAgain(v, &q.Form)
	return c, q, err
}

func (h *Handler) askClient(v *visit) error {
	c, q, err := h.clientQuestion(v)
	if err != nil {
		return err
	}
	return h.ask(v, q, h.site.Text("clients.delete.title", c.Name), "clients", 0)
}

func (h *Handler) deleteClient(v *visit) error {
	c, err := h.client(v)
	if err != nil {
		return err
	}
	if err := h.guard.DeleteClient(v.r.Context(), c.Name); err != nil {
		return err
	}
	return h.done(v, h.site.At("clients"), h.site.Text("clients.deleted", c.Name))
}

// bulk is what is to be done to several clients.
type bulk struct {
	pages.Question
	action  string
	clients []durin.Client
}

// readBulk reads which clients were chosen, and what for.
func (h *Handler) readBulk(v *visit) (*bulk, error) {
	b := &bulk{action: v.r.FormValue("action")}
	if b.action != "delete" && b.action != "end" {
		return nil, durin.ErrNotFound
	}
	all, err := h.clients(v.r.Context())
	if err != nil {
		return nil, err
	}
	b.Hidden = url.Values{"action": {b.action}}
	for _, c := range all {
		if id := strconv.FormatInt(c.ID, 10); slices.Contains(v.r.Form["id"], id) && !slices.Contains(b.Hidden["id"], id) {
			b.clients = append(b.clients, c)
			b.Hidden.Add("id", id)
			line, err := h.falls(v.r.Context(), c)
			if err != nil {
				return nil, err
			}
			b.Lines = append(b.Lines, line)
		}
	}
	b.Text, b.Do, b.Back = h.site.Text("clients.bulk."+b.action+".text"), h.site.Text("clients.bulk."+b.action+".do"), h.site.At("clients")+with(kept(v.r.URL.Query(), clientQuery[:]...))
	h.askAgain(v, &b.Form)
	return b, nil
}

func (h *Handler) askClients(v *visit) error {
	b, err := h.readBulk(v)
	if err != nil {
		return err
	}
	if len(b.clients) == 0 {
		h.site.Notify(v.w, "note", h.site.Text("bulk.none"))
		h.site.Redirect(v.w, v.r, h.site.At("clients"))
		return nil
	}
	return h.ask(v, &b.Question, h.site.Text("clients.bulk."+b.action+".title"), "clients", 0)
}

func (h *Handler) bulkClients(v *visit) error {
	b, err := h.readBulk(v)
	if err != nil {
		return err
	}
	ctx := v.r.Context()
	if b.action == "delete" {
		for _, c := range b.clients {
			if err := h.guard.DeleteClient(ctx, c.Name); err != nil && !errors.Is(err, durin.ErrNotFound) {
				return err
			}
		}
		return h.done(v, b.Back, h.site.Count("clients.bulk.deleted", len(b.clients)))
	}
	ended, more := 0, false
	for _, c := range b.clients {
		n, left, err := h.endAll(ctx, browse.Filter{Client: c.Name})
		if err != nil {
			return err
		}
		ended, more = ended+n, more || left
	}
	text := h.site.Count("tokens.revoked", ended)
	if more {
		text += " " + h.site.Text("tokens.revoked.more")
	}
	return h.done(v, b.Back, text)
}
