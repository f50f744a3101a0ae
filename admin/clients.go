package admin

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/internal/pages"
	"github.com/durin-go/durin/internal/span"
)

const (
	clientsPage = 25
	// maxLive is where the count of live tokens in a row stops.
	maxLive = 1000
	// usedDays is how far back the last use of a client is looked for.
	usedDays = 30
)

// clients returns all clients but that of these pages, by name.
func (h *Handler) clients(ctx context.Context) ([]durin.Client, error) {
	all, err := h.guard.Clients(ctx)
	return slices.DeleteFunc(all, func(c durin.Client) bool { return c.Name == durin.AdminClient }), err
}

// client returns the one that the address names.
func (h *Handler) client(v *visit) (durin.Client, error) {
	id := idOf(v.r.PathValue("id"))
	all, err := h.clients(v.r.Context())
	if err != nil {
		return durin.Client{}, err
	}
	for _, c := range all {
		if c.ID == id {
			return c, nil
		}
	}
	return durin.Client{}, durin.ErrNotFound
}

// clientRow is a client in the list.
type clientRow struct {
	durin.Client
	URL      string
	Life     string
	Throttle string
	Rule     string
	Live     string
	Used     time.Time // the day; zero: not lately
}

// clientList is what the list shows.
type clientList struct {
	Filter  pages.Form
	Columns []column
	Rows    []clientRow
	Total   int
	Pages   pager
	Any     bool       // there are clients, though the filter may hide them
	Kept    url.Values // what is filtered for, to come back to
}

// A column is one that a list can be sorted by.
type column struct {
	Text string
	URL  string // empty: it cannot
	Sort string // aria-sort
	Num  bool
}

// A pager leads through the pages of a list.
type pager struct {
	First, Previous, Next string // empty: not from here
	Text                  string
}

// clientQuery are the keys that say what of the clients is listed.
var clientQuery = [...]string{"q", "policy", "sort", "page"}

func (h *Handler) listClients(v *visit) error {
	ctx := v.r.Context()
	all, err := h.clients(ctx)
	if err != nil {
		return err
	}
	used, err := h.lastUses(ctx)
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	list := &clientList{Any: len(all) > 0, Filter: h.clientFilter(q), Kept: kept(q, clientQuery[:]...)}
	all = filterClients(all, strings.TrimSpace(q.Get("q")), q.Get("policy"))
	list.Columns = h.clientColumns(q)
	sortClients(all, q.Get("sort"), used)
	list.Total = len(all)
	page := max(0, int(idOf(q.Get("page")))-1)
	from := min(page*clientsPage, max(0, (len(all)-1)/clientsPage*clientsPage))
	list.Pages = h.pages(q, from, len(all))
	for _, c := range all[from:min(len(all), from+clientsPage)] {
		row, err := h.clientRow(ctx, c, used)
		if err != nil {
			return err
		}
		list.Rows = append(list.Rows, row)
	}
	return h.show(v, "clients", pages.View{Title: h.site.Text("clients.title"), Here: "clients", Data: list})
}

func (h *Handler) clientRow(ctx context.Context, c durin.Client, used map[int64]time.Time) (clientRow, error) {
	n, err := h.guard.CountSessions(ctx, browse.Filter{Client: c.Name, State: browse.Live}, maxLive)
	return clientRow{
		Client: c, URL: h.site.At("clients", c.ID), Life: span.Format(c.TTL), Throttle: c.Rate.String(), Rule: h.rule(c),
		Live: pages.Bounded(n, maxLive), Used: used[c.ID],
	}, err
}

// rule tells a client's policy.
func (h *Handler) rule(c durin.Client) string {
	if c.MaxTokens > 0 {
		return string(c.Policy) + " " + strconv.Itoa(c.MaxTokens)
	}
	return string(c.Policy)
}

// lastUses are the days on which clients were last used.
func (h *Handler) lastUses(ctx context.Context) (map[int64]time.Time, error) {
	rows, err := h.guard.Activity(ctx, h.guard.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -usedDays))
	used := map[int64]time.Time{}
	for _, r := range rows {
		if r.Requests > 0 && r.Day.After(used[r.ClientID]) {
			used[r.ClientID] = r.Day
		}
	}
	return used, err
}

func (h *Handler) clientFilter(q url.Values) pages.Form {
	var form pages.Form
	form.Add(pages.Field{Name: "q", Kind: "text", Label: h.site.Text("filter.search.clients"), Value: q.Get("q"), Max: 64})
	choices := []pages.Choice{{Text: h.site.Text("filter.policy.any")}}
	for _, p := range policies {
		choices = append(choices, pages.Choice{Value: string(p), Text: string(p), Selected: q.Get("policy") == string(p)})
	}
	form.Add(pages.Field{Name: "policy", Kind: "select", Label: h.site.Text("field.policy"), Options: choices})
	return form
}

func filterClients(all []durin.Client, text, policy string) []durin.Client {
	text = strings.ToLower(text)
	return slices.DeleteFunc(all, func(c durin.Client) bool {
		found := strings.Contains(strings.ToLower(c.Name), text) || strings.Contains(strings.ToLower(c.Description), text)
		return !found || policy != "" && string(c.Policy) != policy
	})
}

// sortKeys are the columns that clients can be sorted by, in order.
var sortKeys = [...]string{"name", "ttl", "throttle", "policy", "live", "used"}

// sortClients sorts by key, downwards with a dash before it.
func sortClients(all []durin.Client, key string, used map[int64]time.Time) {
	key, down := strings.CutPrefix(key, "-")
	var compare func(a, b durin.Client) int
	switch key {
	case "ttl":
		compare = func(a, b durin.Client) int { return cmp.Compare(a.TTL, b.TTL) }
	case "throttle":
		compare = func(a, b durin.Client) int { return cmp.Compare(perSecond(a.Rate), perSecond(b.Rate)) }
	case "policy":
		compare = func(a, b durin.Client) int { return cmp.Compare(a.Policy, b.Policy) }
	case "used":
		compare = func(a, b durin.Client) int { return used[a.ID].Compare(used[b.ID]) }
	default:
		compare = func(a, b durin.Client) int { return cmp.Compare(a.Name, b.Name) }
	}
	slices.SortStableFunc(all, func(a, b durin.Client) int {
		if down {
			a, b = b, a
		}
		return compare(a, b)
	})
}

// perSecond orders rates; unset ones come last.
func perSecond(r durin.Rate) float64 {
	if !r.IsSet() {
		return 1e300
	}
	return float64(r.N) / r.Period.Seconds()
}

func (h *Handler) clientColumns(q url.Values) []column {
	present := cmp.Or(q.Get("sort"), "name")
	var list []column
	for _, key := range sortKeys {
		c := column{Text: h.site.Text("col." + key), Num: key == "live"}
		if key != "live" { // to sort by it, all would have to be counted
			next := key
			switch present {
			case key:
				c.Sort, next = "ascending", "-"+key
			case "-" + key:
				c.Sort = "descending"
			}
			c.URL = with(q, "sort", next, "page", "")
		}
		list = append(list, c)
	}
	return list
}

// with is a query with some keys set, or, by an empty value, not.
func with(q url.Values, pairs ...string) string {
	changed := url.Values{}
	for key, values := range q {
		changed[key] = values
	}
	for i := 0; i < len(pairs); i += 2 {
		if changed.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			changed.Del(pairs[i])
		}
	}
	for key, values := range changed {
		if len(values) == 0 || values[0] == "" {
			changed.Del(key)
		}
	}
	if len(changed) == 0 {
		return ""
	}
	return "?" + changed.Encode()
}

func (h *Handler) pages(q url.Values, from, total int) pager {
	p := pager{Text: h.site.Text("pages.range", pages.Number(min(from+1, total)), pages.Number(min(from+clientsPage, total)), pages.Number(total))}
	if from > 0 {
		p.First = with(q, "page", "")
		p.Previous = with(q, "page", strconv.Itoa(from/clientsPage))
	}
	if from+clientsPage < total {
		p.Next = with(q, "page", strconv.Itoa(from/clientsPage+2))
	}
	return p
}

// clientPage is what the page of a client shows, and that of a new one.
type clientPage struct {
	pages.Form
	Client durin.Client
	New    bool
	Live   string
	Used   time.Time
	Tokens string // the address of its tokens
	// History is the address of what was done about it; empty: none.
	History string
}

func (h *Handler) newClient(v *visit) error {
	return h.showClientForm(v, &clientPage{New: true, Form: h.clientForm(durin.Client{Policy: durin.PolicyReuse}, nil)}, 0)
}

func (h *Handler) addClient(v *visit) error {
	var c durin.Client
	form, ok := h.readClient(v, &c)
	if ok {
		made, err := h.guard.CreateClient(v.r.Context(), c)
		if err == nil {
			return h.done(v, h.site.At("clients", made.ID), h.site.Text("clients.added", made.Name))
		}
		if err := h.clientFault(&form, err); err != nil {
			return err
		}
	}
	return h.showClientForm(v, &clientPage{New: true, Form: form}, 422)
}

func (h *Handler) showClient(v *visit) error {
	c, err := h.client(v)
	if err != nil {
		return err
	}
	return h.showClientForm(v, &clientPage{Client: c, Form: h.clientForm(c, nil)}, 0)
}

func (h *Handler) changeClient(v *visit) error {
	c, err := h.client(v)
	if err != nil {
		return err
	}
	changed := c
	form, ok := h.readClient(v, &changed)
	if ok {
		_, err := h.guard.UpdateClient(v.r.Context(), c.Name, func(present *durin.Client) error {
			changed.ID, changed.Created = present.ID, present.Created
			*present = changed
			return nil
		})
		if err == nil {
			return h.done(v, h.site.At("clients", c.ID), h.site.Text("clients.changed", changed.Name))
		}
		if err := h.clientFault(&form, err); err != nil {
			return err
		}
	}
	return h.showClientForm(v, &clientPage{Client: c, Form: form}, 422)
}

// clientFault notes what the Guard has against a client, or returns what is no
// fault of its fields.
func (h *Handler) clientFault(form *pages.Form, err error) error {
	if errors.Is(err, durin.ErrExists) {
		form.Fault("name", h.site.Text("clients.taken"))
		return nil
	}
	return noteFaults(form, err)
}

func (h *Handler) showClientForm(v *visit, page *clientPage, status int) error {
	h.askAgain(v, &page.Form)
	title := h.site.Text("clients.new")
	if !page.New {
		title = page.Client.Name
		ctx := v.r.Context()
		used, err := h.lastUses(ctx)
		if err != nil {
			return err
		}
		n, err := h.guard.CountSessions(ctx, browse.Filter{Client: page.Client.Name, State: browse.Live}, maxCount)
		if err != nil {
			return err
		}
		page.Live, page.Used = pages.Bounded(n, maxCount), used[page.Client.ID]
		page.History = h.historyOf("client", page.Client.Name)
		page.Tokens = h.site.At("tokens") + with(nil, "client", page.Client.Name)
	}
	return h.show(v, "client", pages.View{Status: status, Title: title, Here: "clients", Data: page})
}
