package node

import (
	"runtime"
	"sync"

	"github.com/durin-go/durin/password"
)

// makeRoom gives hashing as many threads as there are cores, beside those that
// answer requests, and returns how many. Hashing gives way to the rest, so all
// cores can be its own while nobody else wants them.
var makeRoom = sync.OnceValue(func() (cores int) {
	cores = runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(2 * cores)
	return cores
})

// newHasher makes the node's Hasher. A command hashes one password and ends.
func newHasher(p Purpose) (*password.Hasher, error) {
	if p != Serve {
		return password.New(password.Options{})
	}
	return password.New(password.Options{Workers: makeRoom(), Background: true})
}
