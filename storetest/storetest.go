// Package storetest tells whether a durin.Store keeps its contract, in its own
// tests:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) durin.Store { return memstore.New() })
//	}
//
// It also has Faulty, a wrapper that makes any Store slow or fail.
package storetest

import (
	"testing"

	"github.com/durin-go/durin"
)

// Options say how hard to try.
type Options struct {
	// Repeat is how often the tests that let calls race are done. Zero: once.
	Repeat int
}

// Run tests the Stores that open makes, with the zero Options. Every subtest
// opens one of its own: open must return an empty one each time, and clean up
// with t.Cleanup. What the Store implements of durin.UserStore,
// durin.ResourceServerStore, transfer.Importer, transfer.LegacyStore,
// transfer.Exporter, nodes.Outbox, durin.Browser and audit.Store is
// tested too.
func Run(t *testing.T, open func(t *testing.T) durin.Store) {
	Options{}.Run(t, open)
}

// Run is like the function Run.
func (o Options) Run(t *testing.T, open func(t *testing.T) durin.Store) {
	groups := []struct {
		name  string
		tests []test
	}{
		{"Clients", clientTests()},
		{"Users", userTests()},
		{"ResourceServers", resourceTests()},
		{"Issue", issueTests()},
		{"Ceilings", ceilingTests()},
		{"Sessions", sessionTests()},
		{"Endings", endingTests()},
		{"Rotation", rotateTests(max(1, o.Repeat))},
		{"Counts", countTests()},
		{"Browse", browseTests()},
		{"Audit", auditTests(max(1, o.Repeat))},
		{"Import", importTests()},
		{"Legacy", legacyTests(max(1, o.Repeat))},
		{"Export", exportTests()},
		{"Outbox", outboxTests()},
		{"Contexts", contextTests()},
		{"Races", raceTests(max(1, o.Repeat))},
	}
	for _, group := range groups {
		t.Run(group.name, func(t *testing.T) {
			for _, test := range group.tests {
				t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
			}
		})
	}
}

// A test is one subtest with a fresh store.
type test struct {
	name string
	run  func(t *testing.T, s durin.Store)
}

// ofUsers makes a test of one that needs a UserStore.
func ofUsers(name string, run func(t *testing.T, s durin.Store, users durin.UserStore)) test {
	return test{name, func(t *testing.T, s durin.Store) {
		users, ok := s.(durin.UserStore)
		if !ok {
			t.Skip("the store keeps no users")
		}
		run(t, s, users)
	}}
}
