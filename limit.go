package durin

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/durin-go/durin/throttle"
)

// A Rate allows N requests in any window of Period. The zero Rate is unset, and
// one with a Period and an N of 0 blocks. throttle.ParseRate reads it.
type Rate = throttle.Rate

// writeLimits sets the header fields of the IETF draft "RateLimit header
// fields for HTTP" (draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4).
func writeLimits(h http.Header, states []throttle.State) {
	if len(states) == 0 {
		return
	}
	var policy, limit strings.Builder
	for i, s := range states {
		if i > 0 {
			policy.WriteString(", ")
			limit.WriteString(", ")
		}
		name := strconv.Quote(s.Name)
		policy.WriteString(name + ";q=" + strconv.Itoa(s.Rate.N) + ";w=" + strconv.FormatInt(seconds(s.Rate.Period), 10))
		limit.WriteString(name + ";r=" + strconv.Itoa(s.Remaining) + ";t=" + strconv.FormatInt(seconds(s.Reset), 10))
	}
	h.Set("RateLimit-Policy", policy.String())
	h.Set("RateLimit", limit.String())
}
