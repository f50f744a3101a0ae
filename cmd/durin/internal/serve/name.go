package serve

import (
	"encoding/json"
	"strings"

	"github.com/durin-go/durin/cmd/durin/internal/node"
)

// A naming is what metrics and traces call the routes: few names, none of them
// made of what a caller sends.
type naming func(path string) string

// unnamed is every path without a route.
const unnamed = "other"

// newNaming names the routes of s, and tells the metrics their names.
func newNaming(n *node.Node, s *routes) naming {
	behind := endpoints(s.openapi, s.mount)
	names := []string{unnamed, "healthz", "readyz", "metrics", "limits", "openapi", "admin", "account"}
	for name := range behind {
		names = append(names, name)
	}
	if s.demo != nil {
		names = append(names, "demo")
	}
	if s.api != nil {
		names = append(names, "metadata", "compat")
	}
	n.Metrics.Routes(names...)
	return func(path string) string { return s.name(s.within(path), behind) }
}

func (s *routes) name(path string, endpoints map[string]bool) string {
	switch path {
	case "/healthz", "/readyz", "/metrics", "/limits", "/limits/lift":
		return path[1:]
	case "/openapi.json":
		return "openapi"
	}
	switch {
	case s.pages.at(path) != nil:
		return strings.Split(path, "/")[1]
	case s.demo[s.behind(path)] != nil:
		return "demo"
	case s.api == nil:
		return unnamed
	case strings.HasPrefix(path, wellKnown) && s.api.Owns(path): // the issuer's path may follow
		return "metadata"
	}
	if rest, mounted := strings.CutPrefix(path, s.mount+"/"); mounted {
		if first, _, _ := strings.Cut(rest, "/"); endpoints[first] {
			return first
		}
	}
	if s.api.Owns(path) {
		return "compat"
	}
	return unnamed
}

const wellKnown = "/.well-known/oauth-authorization-server"

// endpoints are the first words behind the mount that the description has.
func endpoints(openapi []byte, mount string) map[string]bool {
	var description struct {
		Paths map[string]struct{}
	}
	all := map[string]bool{"verify-headers": true} // for proxies that cannot ask as the description has it
	if json.Unmarshal(openapi, &description) != nil {
		return all
	}
	for path := range description.Paths {
		rest := strings.TrimPrefix(strings.TrimPrefix(path, mount), "/")
		if first, _, _ := strings.Cut(rest, "/"); first != "" && !strings.ContainsAny(first, "{.") {
			all[first] = true
		}
	}
	return all
}
