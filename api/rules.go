package api

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/throttle"
)

// proxyRules are what a proxy asks a request to keep.
type proxyRules struct {
	durin.Rules
	preflight bool // a browser's question before a cross-origin request passes
	keep401   bool // a redirection is told in Location only
	in403     bool // a refusal has status 403, and headers tell what it is
}

// ruleNames are the rules by their names in a query, with the header of each.
var ruleNames = map[string]string{
	"allow": "X-Durin-Allow", "deny": "X-Durin-Deny", "scope": "X-Durin-Scope",
	"optional": "X-Durin-Optional", "preflight": "X-Durin-Preflight", "signin": "X-Durin-Signin",
}

// maxRuleTexts bounds the rules that are remembered: a proxy has a few, and
// strangers may ask with others.
const maxRuleTexts = 1000

// A ruleBook remembers what texts mean, so that they are read once.
type ruleBook struct {
	read  sync.Map // text → *proxyRules
	count atomic.Int64
}

// of reads the rules in a query. Its error is of a fault in the proxy's
// configuration: nobody passes by a rule that is not understood.
func (b *ruleBook) of(query string) (*proxyRules, error) {
	if known, ok := b.read.Load(query); ok {
		return known.(*proxyRules), nil
	}
	rules := &proxyRules{}
	for _, pair := range strings.Split(query, "&") {
		if pair == "" {
			continue
		}
		name, values, _ := strings.Cut(pair, "=")
		if err := rules.add(name, values); err != nil {
			return nil, badRule(err)
		}
	}
	if b.count.Load() < maxRuleTexts {
		if _, there := b.read.LoadOrStore(strings.Clone(query), rules); !there {
			b.count.Add(1)
		}
	}
	return rules, nil
}

// ofHeaders reads the rules in headers.
func (b *ruleBook) ofHeaders(h http.Header) (*proxyRules, error) {
	var query strings.Builder
	for name, header := range ruleNames {
		for _, values := range h[header] {
			query.WriteString("&" + name + "=" + strings.NewReplacer(" ", "", "&", "%26").Replace(values))
		}
	}
	return b.of(query.String())
}

func badRule(err error) error {
	return &durin.Error{Status: http.StatusInternalServerError, Detail: "A rule of the proxy is not understood: " + err.Error() + "."}
}

// add reads one rule: values are separated by commas, each percent-encoded where
// it has a comma or another mark in it.
func (rules *proxyRules) add(name, values string) error {
	var list []string
	for _, value := range strings.Split(values, ",") {
		text, err := url.QueryUnescape(value)
		if err != nil {
			return fmt.Errorf("%s: %q is not percent-encoded", name, value)
		}
		if text = strings.TrimSpace(text); text != "" {
			list = append(list, text)
		}
	}
	switch name {
	case "allow":
		rules.Allow = append(append([]string{}, rules.Allow...), list...) // nobody, where the list is empty
	case "deny":
		rules.Deny = append(rules.Deny, list...)
	case "scope":
		return rules.addScopes(list)
	case "optional":
		return set(&rules.Optional, name, list)
	case "preflight":
		return set(&rules.preflight, name, list)
	case "signin":
		if len(list) != 1 || list[0] != "401" {
			return fmt.Errorf("signin can be 401 only")
		}
		rules.keep401 = true
	case "refuse":
		if len(list) != 1 || list[0] != "403" {
			return fmt.Errorf("refuse can be 403 only")
		}
		rules.in403 = true
	default:
		return fmt.Errorf("there is no rule %q", name)
	}
	return nil
}

func set(to *bool, name string, list []string) error {
	if len(list) != 1 {
		return fmt.Errorf("%s is 1 or 0", name)
	}
	v, err := strconv.ParseBool(list[0])
	if err != nil {
		return fmt.Errorf("%s is 1 or 0", name)
	}
	*to = v
	return nil
}

const maxScopes = 4

// addScopes reads NAME:RATE, or NAME for the rate of the caller's client.
func (rules *proxyRules) addScopes(list []string) error {
	for _, text := range list {
		name, rate, _ := strings.Cut(text, ":")
		scope := durin.Scope{Name: name}
		var err error
		if scope.Rate, err = throttle.ParseRate(rate); err != nil {
			return fmt.Errorf("scope %s: %w", name, err)
		}
		for _, c := range []byte(name) {
			if c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
				return fmt.Errorf("scope: a name has ASCII letters, digits and marks")
			}
		}
		if name == "" || len(name) > 64 {
			return fmt.Errorf("scope: a name has 1 to 64 characters")
		}
		rules.Throttle = append(rules.Throttle, scope)
	}
	if len(rules.Throttle) > maxScopes || len(list) == 0 {
		return fmt.Errorf("scope: name 1 to %d", maxScopes)
	}
	return nil
}
