package node

import (
	"runtime"

	"github.com/durin-go/durin/password"
)

// newHasher makes the node's Hasher. A server's has all cores, for it gives way
// to everything else where a process of its own does the work. A command hashes
// one password and ends.
func newHasher(o Options) (*password.Hasher, error) {
	if o.Purpose != Serve {
		return password.New(password.Options{})
	}
	nice := o.Config.HashNice
	if nice == 0 {
		nice = -1 // zero is what is usual
	}
	return password.New(password.Options{Workers: runtime.GOMAXPROCS(0), Command: o.Hashing, Nice: nice, Logger: o.Log})
}
