package admin

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/internal/pages"
)

const (
	// endBatch is how many tokens are ended in one go, so that nobody else
	// waits for long.
	endBatch = 500
	// endTime is how long one request goes on ending.
	endTime = 20 * time.Second
)

// endAll ends the sessions of f for a while, and reports whether some are left.
func (h *Handler) endAll(ctx context.Context, f browse.Filter) (ended int, more bool, err error) {
	began := time.Now()
	for time.Since(began) < endTime {
		n, err := h.guard.EndSome(ctx, f, endBatch)
		if err != nil {
			return ended, true, err
		}
		if ended += n; n < endBatch {
			return ended, false, nil
		}
	}
	return ended, true, nil
}

// revocation is what is to be revoked: some by their ids, or all that a filter
// selects.
type revocation struct {
	pages.Question
	rows []durin.Session
	all  *asked // nil: rows
}

// readRevocation reads what is to be revoked.
func (h *Handler) readRevocation(v *visit) (*revocation, error) {
	q := v.r.URL.Query()
	rev := &revocation{}
	rev.Back = h.site.At("tokens") + with(q, "id", "", "all", "")
	var err error
	if q.Get("all") != "" {
		err = h.readAll(v, rev, q)
	} else {
		err = h.readSome(v, rev, q)
	}
	return rev, err
}

func (h *Handler) readAll(v *visit, rev *revocation, q url.Values) error {
	a, _, err := h.tokenQuery(v.r.Context(), q)
	if err != nil {
		return err
	}
	if a.none || a.id != 0 || a.UserID == "" && a.Client == "" && a.State == browse.Any {
		return durin.ErrNotFound
	}
	a.Except = v.session.ID
	n, err := h.guard.CountSessions(v.r.Context(), a.Filter, maxCount)
	if err != nil {
		return err
	}
	rev.all = a
	rev.Text = h.site.Text("revoke.all.text")
	rev.Lines = []string{h.site.Text("revoke.all.count", pages.Bounded(n, maxCount))}
	for _, part := range [][2]string{{"user", a.user.Name}, {"client", a.Client}, {"state", q.Get("state")}} {
		if part[1] != "" {
			if part[0] == "state" {
				part[1] = h.site.Text("filter.state." + part[1])
			}
			rev.Lines = append(rev.Lines, h.site.Text("filter."+part[0])+": "+part[1])
		}
	}
	rev.Do = h.site.Text("revoke.all.do")
	h.askAgain(v, &rev.Form)
	return nil
}

func (h *Handler) readSome(v *visit, rev *revocation, q url.Values) error {
	ids := q["id"]
	if len(ids) > 2*tokensPage {
		return durin.ErrNotFound
	}
	slices.Sort(ids)
	for _, text := range slices.Compact(ids) {
		id := idOf(text)
		switch id {
		case 0:
			continue
		case v.former:
			id = v.session.ID
		}
		list, err := h.guard.Sessions(v.r.Context(), browse.Query{ID: id, Limit: 1})
		if err != nil {
			return err
		}
		rev.rows = append(rev.rows, list...)
	}
	for _, row := range h.tokenRows(v.r.Context(), v, rev.rows) {
		rev.Lines = append(rev.Lines, h.site.Text("revoke.line", strconv.FormatInt(row.ID, 10), row.User, row.Client.Name))
		if row.Mine {
			rev.Warning = h.site.Text("revoke.mine")
		}
	}
	rev.Text, rev.Do = h.site.Text("revoke.text"), h.site.Count("revoke.do", len(rev.rows))
	h.askAgain(v, &rev.Form)
	return nil
}

func (h *Handler) askTokens(v *visit) error {
	rev, err := h.readRevocation(v)
	if err != nil {
		return err
	}
	if rev.all == nil && len(rev.rows) == 0 {
		h.site.Notify(v.w, "note", h.site.Text("bulk.none"))
		h.site.Redirect(v.w, v.r, h.site.At("tokens"))
		return nil
	}
	return h.ask(v, &rev.Question, h.site.Text("revoke.title"), "tokens", 0)
}

func (h *Handler) revokeTokens(v *visit) error {
	rev, err := h.readRevocation(v)
	if err != nil {
		return err
	}
	ctx := v.r.Context()
	ended, more := 0, false
	if rev.all != nil {
		rev.all.Except = v.session.ID
		ended, more, err = h.endAll(ctx, rev.all.Filter)
	} else {
		for _, s := range rev.rows {
			n, endErr := h.guard.End(ctx, durin.Selection{ID: s.ID})
			ended, err = ended+n, errors.Join(err, endErr)
		}
	}
	if err != nil {
		return err
	}
	text := h.site.Count("tokens.revoked", ended)
	if more {
		h.site.Notify(v.w, "note", text+" "+h.site.Text("tokens.revoked.more"))
		h.site.Redirect(v.w, v.r, v.r.URL.RequestURI())
		return nil
	}
	return h.done(v, rev.Back, text)
}
