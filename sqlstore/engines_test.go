package sqlstore

import "testing"

// TestEngines says where the tests of the stores themselves are: no driver is
// imported here.
func TestEngines(t *testing.T) {
	t.Skip("the store is tested on SQLite, PostgreSQL and MariaDB from the program's module: cd cmd/durin && go test ./test/enginetest")
}
