package nodestest

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/cmd/durin/test/programtest"
	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// TestNodesAreKilled ends a node at random points of its start and under load,
// again and again: every acknowledged token works, every acknowledged ending
// holds, on the node that is left and on the one that comes back, and nobody has
// more tokens than the policy allows. DURIN_KILLS is how often on each database:
// 1000 for the long form.
func TestNodesAreKilled(t *testing.T) {
	kills := many(t, "DURIN_KILLS", 20)
	for name, open := range map[string]func(testing.TB) servers.Database{"SQLite": servers.SQLite, "PostgreSQL": servers.PostgreSQL} {
		t.Run(name, func(t *testing.T) {
			began, db := time.Now(), open(t)
			c := newCluster(t, db.URL)
			for _, policy := range policies {
				if _, err := c.guard.CreateClient(t.Context(), durin.Client{Name: string(policy.Policy), Policy: policy.Policy, MaxTokens: policy.MaxTokens}); err != nil {
					t.Fatal(err)
				}
			}
			k := &killing{c: c, stays: c.add(db.URL), dies: c.add(db.URL)}
			for i := range kills {
				k.round()
				if t.Failed() {
					return
				}
				if done := i + 1; done == kills || done%100 == 0 {
					t.Logf("%d acknowledged changes hold after %d kills under load and %d while it started, in %s", k.acknowledged, done, k.early, time.Since(began).Round(time.Second))
				}
			}
			k.intact(db)
			if k.acknowledged == 0 {
				t.Error("nothing was acknowledged")
			}
		})
	}
}

// policies are what the callers' clients allow.
var policies = []durin.Client{
	{Policy: durin.PolicyReuse}, {Policy: durin.PolicyReplace},
	{Policy: durin.PolicyEvict, MaxTokens: 3}, {Policy: durin.PolicyReject, MaxTokens: 3},
}

// A killing is a node that dies, one that stays, and what was acknowledged.
type killing struct {
	c            *cluster
	stays, dies  *node
	acknowledged int
	early        int
	answers      chan struct{} // one for each acknowledgement of the round
	live, ended  []string      // of earlier rounds
}

// round has callers at work, kills the node, starts it again and asks both nodes
// about everything, and about some of what was before.
func (k *killing) round() {
	t := k.c.t
	t.Helper()
	if rand.IntN(8) == 0 {
		k.killEarly()
	}
	k.answers = make(chan struct{}, 1<<16)
	callers := make([]*caller, len(policies))
	for i, policy := range policies {
		callers[i] = k.caller(policy)
	}
	crowd := k.c.user()
	var wg sync.WaitGroup
	for _, caller := range callers {
		wg.Go(caller.work)
	}
	for _, n := range []*node{k.dies, k.dies, k.stays} {
		wg.Go(func() {
			if _, status := n.loginWith(crowd.Name, "evict"); status != 0 && status != http.StatusOK && status != http.StatusServiceUnavailable {
				t.Errorf("log in beside others: %d", status)
			}
		})
	}
	k.await(rand.IntN(25), &wg)
	k.dies.Kill()
	wg.Wait()
	k.dies.Start()
	for _, caller := range callers {
		k.holds(caller.live, caller.ended)
		k.allowed(caller.user, string(caller.policy.Policy), max(1, caller.policy.MaxTokens))
		k.live, k.ended = append(k.live, caller.live...), append(k.ended, caller.ended...)
		k.acknowledged += caller.acknowledged
	}
	k.allowed(crowd, "evict", 3)
	k.holds(some(k.live), some(k.ended))
}

// await returns a moment after a number of acknowledgements, or when there will
// be none.
func (k *killing) await(count int, load *sync.WaitGroup) {
	over := make(chan struct{})
	go func() { load.Wait(); close(over) }()
	for range count {
		select {
		case <-k.answers:
		case <-over:
		}
	}
	time.Sleep(time.Duration(rand.IntN(5000)) * time.Microsecond)
}

// killEarly ends the node while it starts.
func (k *killing) killEarly() {
	k.dies.Kill()
	k.dies.Launch()
	time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
	k.dies.Kill()
	k.dies.Start()
	k.early++
}

// holds asks both nodes. The one that stays hears of endings from the database.
func (k *killing) holds(live, ended []string) {
	t := k.c.t
	t.Helper()
	for _, n := range []*node{k.dies, k.stays} {
		for _, token := range live {
			if status := n.check(token); status != http.StatusOK {
				t.Errorf("an acknowledged token is lost: %d", status)
			}
		}
		for _, token := range ended {
			if n == k.stays {
				programtest.Eventually(t, "an acknowledged ending is heard of", func() bool { return n.check(token) == http.StatusUnauthorized })
			} else if status := n.check(token); status != http.StatusUnauthorized {
				t.Errorf("an acknowledged ending is undone: %d", status)
			}
		}
	}
}

// allowed counts a user's live tokens in the database.
func (k *killing) allowed(u durin.User, client string, most int) {
	t := k.c.t
	t.Helper()
	all, err := k.c.store.Sessions(t.Context(), browse.Query{UserID: u.ID, Client: client, State: browse.Live, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) > most {
		t.Errorf("%s: %d live tokens of at most %d", client, len(all), most)
	}
}

// intact has SQLite read the whole file.
func (k *killing) intact(db servers.Database) {
	if db.Driver != "sqlite" {
		return
	}
	var health string
	if err := db.Open(k.c.t).QueryRow("PRAGMA integrity_check").Scan(&health); err != nil || health != "ok" {
		k.c.t.Errorf("the file: %s, %v", health, err)
	}
}

// some are at most ten of all.
func some(all []string) []string {
	picked := make([]string, min(10, len(all)))
	for i := range picked {
		picked[i] = all[rand.IntN(len(all))]
	}
	return picked
}

// A caller does one thing after another as a user of its own, so that what must
// hold of its tokens is known, but for the call that the kill has cut off.
type caller struct {
	n            *node
	t            *testing.T
	user         durin.User
	policy       durin.Client
	live, ended  []string // by acknowledgements, the oldest first
	acknowledged int
	answers      chan<- struct{}
}

// caller begins with as many tokens as are allowed, which both nodes keep in
// memory. Tokens that are used again come of a login: no other is sealed.
func (k *killing) caller(policy durin.Client) *caller {
	t := k.c.t
	t.Helper()
	c := &caller{n: k.dies, t: t, policy: policy, user: k.c.user(), answers: k.answers}
	for range max(1, policy.MaxTokens) {
		if policy.Policy == durin.PolicyReuse {
			break
		}
		issued, err := k.c.guard.Issue(t.Context(), durin.IssueRequest{UserID: c.user.ID, Client: string(policy.Policy)})
		if err != nil {
			t.Fatal(err)
		}
		c.live = append(c.live, issued.Token.Reveal())
	}
	k.holds(c.live, nil)
	return c
}

// work goes on until the node is no more. What an unanswered call was about is in
// neither list: it may have happened or not.
func (c *caller) work() {
	for going := true; going; {
		switch dice := rand.IntN(16); {
		case len(c.live) == 0 || dice < 4:
			going = c.logIn()
		case dice < 5:
			going = c.end(c.live[0], "/api/auth/logoutall/", 0, len(c.live))
		case dice < 9:
			going = c.answered("renew", c.post("/api/auth/refresh/", c.live[0]), http.StatusOK)
		default:
			i := rand.IntN(len(c.live))
			going = c.end(c.live[i], "/api/auth/logout/", i, i+1)
		}
	}
}

func (c *caller) post(path, token string) int {
	status, _ := c.n.Ask("POST", path, token, nil)
	return status
}

// answered reports an acknowledgement. A node that is being killed gives the one
// that is wanted or none.
func (c *caller) answered(what string, status, want int) bool {
	if status == want {
		c.acknowledged++
		c.answers <- struct{}{}
		return true
	}
	if status != 0 && status != http.StatusServiceUnavailable {
		c.t.Errorf("%s with %s: %d", what, c.policy.Policy, status)
	}
	return false
}

// end ends the tokens from one to another.
func (c *caller) end(by, path string, from, to int) bool {
	gone := slices.Clone(c.live[from:to])
	c.live = slices.Delete(c.live, from, to)
	if !c.answered(path, c.post(path, by), http.StatusNoContent) {
		return false
	}
	c.ended = append(c.ended, gone...)
	return true
}

func (c *caller) logIn() bool {
	full, want := len(c.live) == max(1, c.policy.MaxTokens), http.StatusOK
	if full && c.policy.Policy == durin.PolicyReject {
		want = http.StatusBadRequest
	}
	var gone []string // the oldest, where it goes
	if full && (c.policy.Policy == durin.PolicyReplace || c.policy.Policy == durin.PolicyEvict) {
		gone = []string{c.live[0]}
		c.live = c.live[1:]
	}
	token, status := c.n.loginWith(c.user.Name, string(c.policy.Policy))
	if !c.answered("log in", status, want) {
		return false
	}
	c.ended = append(c.ended, gone...)
	switch {
	case want != http.StatusOK:
	case full && c.policy.Policy == durin.PolicyReuse:
		if token != c.live[0] {
			c.t.Error("the token is another")
		}
	default:
		c.live = append(c.live, token)
	}
	return true
}
