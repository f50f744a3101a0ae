package enginetest

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/durin-go/durin/sqlstore"
)

// large are the tables that grow with tokens, users, endings or time, each filled
// by populate; small those with as many rows as there are clients, services,
// nodes or migrations, or one of them a day.
var (
	large = []string{"token", "user", "slot", "outbox", "usage", "import", "audit", "replaced", "gone", "batch"}
	small = []string{"client", "resource_server", "schema", "activity", "audit_chain", "installation"}
)

// TestEveryTableIsKnown: a new table belongs to one of the lists, so that
// TestPlans looks at it.
func TestEveryTableIsKnown(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, d servers.Database) {
		db := d.Open(t)
		e.open(t, db, sqlstore.Options{})
		for table := range columns(t, e, db) {
			name := strings.TrimPrefix(table, "durin_")
			if !slices.Contains(large, name) && !slices.Contains(small, name) {
				t.Errorf("%s is neither in large, and filled by populate, nor in small", table)
			}
		}
	})
}

// TestEveryMethodIsCalled: what TestPlans and TestFileTakenAway do with all
// methods of the store is done with all that it has.
func TestEveryMethodIsCalled(t *testing.T) {
	known := calls(nil)
	for m := range reflect.TypeFor[*sqlstore.Store]().Methods() {
		if _, ok := known[m.Name]; !ok && m.Name != "Close" {
			t.Errorf("the list in calls lacks %s", m.Name)
		}
	}
}
