package enginetest

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/sqlstore"
)

// TestPartitioned uses the store on tokens that are partitioned as
// docs/scaling.md tells: every method works, log-ins that race end exactly what
// they say, and a look-up reads one partition.
func TestPartitioned(t *testing.T) {
	e := engines[1]
	d := e.new(t)
	db := d.Open(t)
	s := e.open(t, db, sqlstore.Options{})
	for _, name := range []string{"a", "b"} {
		if _, err := s.CreateClient(t.Context(), durin.Client{Name: name, TTL: time.Hour, Policy: durin.PolicyEvict, MaxTokens: 1}); err != nil {
			t.Fatal(err)
		}
	}
	issue(t, s, "before", "a", "u0")
	if _, err := db.ExecContext(t.Context(), partitioning(t)); err != nil {
		t.Fatal(err)
	}
	s = e.open(t, db, sqlstore.Options{})
	if _, err := s.Lookup(t.Context(), durin.Secret("before").Digest()); err != nil {
		t.Error(err)
	}
	const callers, each = 4, 10
	ended := make([][]durin.Digest, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for n := range each {
				got, err := s.Issue(t.Context(), durin.NewToken{UserID: "u", Client: "a", Digest: durin.Secret(fmt.Sprint(i, " ", n)).Digest(), Now: now})
				if err != nil {
					t.Error(err)
				}
				ended[i] = append(ended[i], got.Ended...)
			}
		})
	}
	all.Wait()
	gone := map[durin.Digest]bool{}
	for _, some := range ended {
		for _, d := range some {
			gone[d] = true
		}
	}
	if live, err := s.Sessions(t.Context(), browse.Query{UserID: "u"}); err != nil || len(live) != 1 || len(gone) != callers*each-1 || gone[live[0].Digest] {
		t.Errorf("%d live, %d ended, %v", len(live), len(gone), err)
	}
	digest := durin.Secret("before").Digest()
	plan := explain(t, e, db, "SELECT user_id FROM durin_token WHERE digest = $1", []any{digest[:]})
	if n := len(regexp.MustCompile(`on durin_token_\d+ `).FindAllString(plan, -1)); n != 1 {
		t.Errorf("a look-up reads %d partitions:\n%s", n, plan)
	}
	exercise(t, s)
}

// partitioning is the script in the documentation.
func partitioning(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../../../docs/scaling.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```sql\n")
	text, _, _ = strings.Cut(text, "\n```")
	if !strings.Contains(text, "PARTITION BY HASH") {
		t.Fatal("docs/scaling.md has no script")
	}
	return text
}
