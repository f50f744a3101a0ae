package enginetest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/durin-go/durin/memstore"
	"github.com/durin-go/durin/sqlstore"
)

// TestImportsKnowWhoIsWho plays sequences of what happens in Django's databases,
// here and in other Durins, with dumps and exports that are imported in between and
// again. After each step no token authenticates as anybody but whom it was issued to,
// nor for another client; no policy's maximum is exceeded; and who was deleted and
// what was ended stays away. What must be is known from the sequence alone.
//
// DURIN_IMPORTS is how many sequences there are in memory, DURIN_IMPORTS_SEED the
// first one's number.
func TestImportsKnowWhoIsWho(t *testing.T) {
	const steps = 40
	play := func(t *testing.T, seed uint64, s keeper) {
		w := newWorld(seed, s)
		for range steps {
			if err := w.step(t.Context()); err != nil {
				t.Fatalf("sequence %d: %v\n%s", seed, err, strings.Join(w.log, "\n"))
			}
		}
	}
	number := func(variable string, other int) int {
		n, err := strconv.Atoi(os.Getenv(variable))
		if err != nil {
			return other
		}
		return n
	}
	short := func(n int) int {
		if testing.Short() {
			return max(1, n/5)
		}
		return n
	}
	first := number("DURIN_IMPORTS_SEED", 1)
	t.Run("memory", func(t *testing.T) {
		for i := range number("DURIN_IMPORTS", short(200)) {
			play(t, uint64(first+i), memstore.New())
		}
	})
	for name, e := range map[string]struct {
		engine
		n int
	}{"SQLite": {engines[0], 10}, "PostgreSQL": {engines[1], 3}} {
		t.Run(name, func(t *testing.T) {
			for i := range short(e.n) {
				t.Run(fmt.Sprint(i), func(t *testing.T) {
					d := e.new(t)
					d = unsynced(d)
					play(t, uint64(first+i), e.open(t, d.Open(t), sqlstore.Options{}))
				})
			}
		})
	}
}

// unsynced is a database that a power cut may damage: nothing here asks for that.
func unsynced(d servers.Database) servers.Database {
	if d.Driver == "pgx" {
		d.DSN += "&synchronous_commit=off"
	}
	d.DSN = strings.Replace(d.DSN, "synchronous(FULL)", "synchronous(OFF)", 1)
	return d
}
