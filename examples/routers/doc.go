// Package routers shows how Durin protects routes of chi, gin, echo and fiber. The
// middleware is plain net/http: chi takes it as it is, echo and gin with a line of
// their own, and fiber, which is no net/http, asks Guard.Permit.
//
// Each function serves the same routes: /api/auth/ is the API of Durin, /things is
// for everybody who is signed in, /web for the client web alone, and /slow counts
// against the rate of the client.
package routers

import (
	"net/http"

	"github.com/durin-go/durin"
)

// things answers with who asks.
func things(w http.ResponseWriter, r *http.Request) {
	_, _ = w.Write([]byte("things of " + durin.SessionFrom(r.Context()).UserID))
}
