package admin

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/internal/pages"
)

const (
	// maxCount is where counts of sessions stop.
	maxCount = 10_000
	// soon is what counts as expiring soon.
	soon = 24 * time.Hour
	// chartClients is how many clients have a colour of their own.
	chartClients = 5
	// busiest is how many clients and users are listed.
	busiest = 10
	// candidates is how many of each day's busiest are looked at.
	candidates = 20
	// maxHeld is how many of those who are held back are listed.
	maxHeld = 20
)

// periods are the numbers of days that can be looked at.
var periods = [...]int{7, 30, 90}

// overview is what the dashboard shows.
type overview struct {
	Filter   pages.Form
	Live     string
	Soon     string
	Today    browse.Activity
	Charts   []*pages.Chart
	Clients  []pages.Share
	Users    []pages.Share
	Period   int
	Client   string // the one that the charts are of, by name
	NoClient bool   // there is none yet
	Held     []held
	HeldMore int // how many are left out
}

// A held is somebody who may not try passwords for now.
type held struct {
	Account string // empty: every one
	From    string // empty: everywhere
	Known   bool
	Locks   int
	Until   time.Time
}

func (h *Handler) dashboard(v *visit) error {
	ctx := v.r.Context()
	clients, err := h.clients(ctx)
	if err != nil {
		return err
	}
	o := &overview{Period: period(v.r), NoClient: len(clients) == 0}
	only := idOf(v.r.FormValue("client"))
	o.Filter = h.dashboardFilter(clients, o.Period, only)
	if only != 0 {
		for _, c := range clients {
			if c.ID == only {
				o.Client = c.Name
			}
		}
		if o.Client == "" {
			return durin.ErrNotFound
		}
	}
	if err := h.countNow(ctx, o); err != nil {
		return err
	}
	if err := h.holdings(ctx, o); err != nil {
		return err
	}
	days := lastDays(h.guard.Now(), o.Period)
	rows, err := h.guard.Activity(ctx, days[0])
	if err != nil {
		return err
	}
	h.chart(o, clients, days, rows, only)
	if o.Users, err = h.busiestUsers(ctx, clients, days, only); err != nil {
		return err
	}
	return h.show(v, "dashboard", pages.View{Title: h.site.Text("dashboard.title"), Here: "dashboard", Data: o})
}

func period(r *http.Request) int {
	n, _ := strconv.Atoi(r.FormValue("days"))
	if slices.Contains(periods[:], n) {
		return n
	}
	return 30
}

// idOf reads an id; 0 is none.
func idOf(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0
	}
	return n
}

func (h *Handler) dashboardFilter(clients []durin.Client, days int, only int64) pages.Form {
	var form pages.Form
	choices := []pages.Choice{{Text: h.site.Text("filter.client.any")}}
	for _, c := range clients {
		choices = append(choices, pages.Choice{Value: strconv.FormatInt(c.ID, 10), Text: c.Name, Selected: c.ID == only})
	}
	form.Add(pages.Field{Name: "client", Kind: "select", Label: h.site.Text("filter.client"), Options: choices, Required: true})
	var spans []pages.Choice
	for _, n := range periods {
		spans = append(spans, pages.Choice{Value: strconv.Itoa(n), Text: h.site.Text("filter.days", n), Selected: n == days})
	}
	form.Add(pages.Field{Name: "days", Kind: "select", Label: h.site.Text("filter.period"), Options: spans, Required: true})
	return form
}

// countNow counts the sessions that live.
func (h *Handler) countNow(ctx context.Context, o *overview) error {
	now := h.guard.Now()
	live, err := h.guard.CountSessions(ctx, browse.Filter{State: browse.Live, Client: o.Client, Now: now}, maxCount)
	if err != nil {
		return err
	}
	ending, err := h.guard.CountSessions(ctx, browse.Filter{State: browse.Live, Client: o.Client, Now: now, ExpiresBefore: now.Add(soon)}, maxCount)
	if err != nil {
		return err
	}
	o.Live, o.Soon = pages.Bounded(live, maxCount), pages.Bounded(ending, maxCount)
	return nil
}

// holdings lists who may not try passwords.
func (h *Handler) holdings(ctx context.Context, o *overview) error {
	if h.opt.Held == nil {
		return nil
	}
	all, err := h.opt.Held(ctx, h.guard.Now())
	if err != nil {
		return err
	}
	o.HeldMore = max(0, len(all)-maxHeld)
	for _, l := range all[:len(all)-o.HeldMore] {
		line := held{Account: l.Account, Known: l.Known, Locks: l.Locks, Until: l.Until}
		if l.Network.IsValid() {
			line.From = l.Network.String()
		}
		o.Held = append(o.Held, line)
	}
	return nil
}

// lastDays are the n days up to today, in UTC.
func lastDays(now time.Time, n int) []time.Time {
	today := now.UTC().Truncate(24 * time.Hour)
	days := make([]time.Time, n)
	for i := range days {
		days[i] = today.AddDate(0, 0, i-n+1)
	}
	return days
}

// chart draws rows.
func (h *Handler) chart(o *overview, clients []durin.Client, days []time.Time, rows []browse.Activity, only int64) {
	place := map[int64]int{}
	for i, day := range days {
		place[day.Unix()] = i
	}
	series := func(key, tone string) pages.Series {
		return pages.Series{Name: h.site.Text(key), Tone: tone, Counts: make([]int64, len(days))}
	}
	passed, throttled := series("chart.passed", "one"), series("chart.throttled", "two")
	logins, failed, refused := series("chart.logins", "three"), series("chart.failed", "two"), series("chart.refused", "five")
	byClient := map[int64]*browse.Activity{}
	perDay := map[int64][]int64{}
	for _, r := range rows {
		i, ok := place[r.Day.Unix()]
		if !ok || only != 0 && r.ClientID != only && r.ClientID != 0 {
			continue
		}
		if only == 0 || r.ClientID == only {
			passed.Counts[i] += r.Requests - r.Throttled
			throttled.Counts[i] += r.Throttled
			logins.Counts[i] += r.Logins
		}
		refused.Counts[i] += r.Refused
		failed.Counts[i] += r.Failed
		if byClient[r.ClientID] == nil {
			byClient[r.ClientID], perDay[r.ClientID] = &browse.Activity{ClientID: r.ClientID}, make([]int64, len(days))
		}
		byClient[r.ClientID].Requests += r.Requests
		byClient[r.ClientID].Throttled += r.Throttled
		perDay[r.ClientID][i] += r.Requests
	}
	last := len(days) - 1
	o.Today = browse.Activity{Requests: passed.Counts[last] + throttled.Counts[last], Throttled: throttled.Counts[last], Logins: logins.Counts[last], Refused: refused.Counts[last], Failed: failed.Counts[last]}
	o.Charts = append(o.Charts, &pages.Chart{ID: "chart-requests", Title: h.site.Text("chart.requests"), Days: days, Series: []pages.Series{passed, throttled}})
	o.Charts = append(o.Charts, &pages.Chart{ID: "chart-logins", Title: h.site.Text("chart.logins.title"), Days: days, Series: []pages.Series{logins, failed}})
	o.Clients = h.clientShares(clients, byClient)
	if only == 0 && len(o.Clients) > 0 {
		o.Charts = append(o.Charts, h.clientChart(days, o.Clients, clients, perDay))
	}
	o.Charts = append(o.Charts, &pages.Chart{ID: "chart-refused", Title: h.site.Text("chart.refused.title"), Days: days, Series: []pages.Series{refused}})
}

// clientShares lists the clients with requests, the busiest first.
func (h *Handler) clientShares(clients []durin.Client, counts map[int64]*browse.Activity) []pages.Share {
	var list []pages.Share
	for _, c := range clients {
		n := counts[c.ID]
		if n == nil || n.Requests == 0 {
			continue
		}
		share := pages.Share{Name: c.Name, URL: h.site.At("clients", c.ID), Count: n.Requests}
		if n.Throttled > 0 {
			share.Note = h.site.Text("share.throttled", pages.Number(n.Throttled))
		}
		list = append(list, share)
	}
	slices.SortStableFunc(list, func(a, b pages.Share) int { return cmp.Compare(b.Count, a.Count) })
	return pages.SetParts(list[:min(len(list), busiest)])
}

// clientChart is the requests of the busiest clients by day, and of the others
// together.
func (h *Handler) clientChart(days []time.Time, shares []pages.Share, clients []durin.Client, perDay map[int64][]int64) *pages.Chart {
	tones := [...]string{"one", "two", "three", "four", "five"}
	chart := &pages.Chart{ID: "chart-clients", Title: h.site.Text("chart.clients"), Days: days}
	rest := pages.Series{Name: h.site.Text("chart.others"), Tone: "six", Counts: make([]int64, len(days))}
	named := map[int64]bool{}
	for i, share := range shares[:min(len(shares), chartClients)] {
		for _, c := range clients {
			if c.Name == share.Name {
				named[c.ID] = true
				chart.Series = append(chart.Series, pages.Series{Name: c.Name, Tone: tones[i], Counts: perDay[c.ID]})
			}
		}
	}
	for id, counts := range perDay {
		for i, n := range counts {
			if !named[id] {
				rest.Counts[i] += n
			}
		}
	}
	if rest.Total() > 0 {
		chart.Series = append(chart.Series, rest)
	}
	return chart
}

// busiestUsers lists the users with the most requests. They are looked for among
// the busiest of each day; what they did is then counted exactly.
func (h *Handler) busiestUsers(ctx context.Context, clients []durin.Client, days []time.Time, only int64) ([]pages.Share, error) {
	sums := map[string]int64{}
	for _, day := range days {
		rows, err := h.guard.UsageOn(ctx, day, candidates)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			if (only == 0 || r.ClientID == only) && (only != 0 || isListed(clients, r.ClientID)) {
				sums[r.UserID] += r.Requests
			}
		}
	}
	ids := make([]string, 0, len(sums))
	for id := range sums {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Or(cmp.Compare(sums[b], sums[a]), cmp.Compare(a, b)) })
	n := names{people: h.people}
	var list []pages.Share
	for _, id := range ids[:min(len(ids), busiest)] {
		rows, err := h.guard.Usage(ctx, days[0], id, 0)
		if err != nil {
			return nil, err
		}
		share := pages.Share{Name: n.of(ctx, id, ""), URL: h.site.At("users", id)}
		for _, r := range rows {
			if (only == 0 || r.ClientID == only) && isListed(clients, r.ClientID) {
				share.Count += r.Requests
			}
		}
		list = append(list, share)
	}
	slices.SortStableFunc(list, func(a, b pages.Share) int { return cmp.Compare(b.Count, a.Count) })
	return pages.SetParts(list), nil
}

func isListed(clients []durin.Client, id int64) bool {
	return slices.ContainsFunc(clients, func(c durin.Client) bool { return c.ID == id })
}
