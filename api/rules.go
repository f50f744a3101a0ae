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
	"allow": "X-Durin-Allow", "deny": "X-Durin-Deny", "throttle": "X-Durin-Throttle", "scope": "X-Durin-Scope",
	"optional": "X-Durin-Optional", "preflight": "X-Durin-Preflight", "signin": "X-Durin-Signin",
}

// maxRuleTexts bounds the rules that are remembered, and maxRuleText the length of
// each: a proxy has a few, and strangers may ask with others.
const (
	maxRuleTexts = 1000
	maxRuleText  = 1 << 10
)

// A ruleBook remembers what texts mean, so that they are read once. It has two
// halves: when the newer one is full, the older one is forgotten, so that what is
// used stays, whatever else is asked.
type ruleBook struct{ newer, older atomic.Pointer[rulePage] }

type rulePage struct {
	read  sync.Map // text → *proxyRules
	count atomic.Int64
}

func (p *rulePage) of(text string) *proxyRules {
	if p == nil {
		return nil
	}
	known, _ := p.read.Load(text)
	rules, _ := known.(*proxyRules)
	return rules
}

// of reads the rules in a query. Its error is of a fault in the proxy's
// configuration: nobody passes by a rule that is not understood.
func (b *ruleBook) of(query string) (*proxyRules, error) {
	if rules := b.newer.Load().of(query); rules != nil {
		return rules, nil
	}
	rules := b.older.Load().of(query)
	if rules == nil {
		rules = &proxyRules{}
		for _, pair := range strings.Split(query, "&") {
			if pair == "" {
				continue
			}
			name, values, _ := strings.Cut(pair, "=")
			if err := rules.add(name, values); err != nil {
				return nil, badRule(err)
			}
		}
	}
	b.keep(query, rules)
	return rules, nil
}

func (b *ruleBook) keep(query string, rules *proxyRules) {
	if len(query) > maxRuleText {
		return
	}
	page := b.newer.Load()
	if page == nil || page.count.Load() >= maxRuleTexts/2 {
		fresh := &rulePage{}
		if b.newer.CompareAndSwap(page, fresh) {
			b.older.Store(page)
		}
		page = b.newer.Load()
	}
	if _, there := page.read.LoadOrStore(strings.Clone(query), rules); !there {
		page.count.Add(1)
	}
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
	return &durin.Error{Status: http.StatusInternalServerError, Setup: true, Detail: "A rule of the proxy is not understood: " + err.Error() + "."}
}

// add reads one rule: values are separated by commas, each percent-encoded where
// it has a comma or another mark in it.
func (rules *proxyRules) add(name, values string) error {
	var list []string
	for _, value := range strings.Split(values, ",") {
		text, err := url.QueryUnescape(value)
		if err != nil {
			return fmt.Errorf("%q: %q is not percent-encoded", short(name), short(value))
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
	case "throttle":
		return rules.addThrottles(list)
	case "scope":
		if strings.Contains(strings.Join(list, ""), ":") {
			return fmt.Errorf("what limits requests is throttle=NAME:RATE, not scope=")
		}
		return fmt.Errorf("there is no rule scope")
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
		return fmt.Errorf("there is no rule %q", short(name))
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

// short is the beginning of what a stranger may have written.
func short(text string) string { return text[:min(len(text), 40)] }

const maxThrottles = 4

// addThrottles reads NAME:RATE, or NAME for the rate of the caller's client.
func (rules *proxyRules) addThrottles(list []string) error {
	for _, text := range list {
		name, rate, _ := strings.Cut(text, ":")
		t := durin.Throttle{Name: name}
		var err error
		if t.Rate, err = throttle.ParseRate(short(rate)); err != nil {
			return fmt.Errorf("throttle %s: %w", short(name), err)
		}
		for _, c := range []byte(name) {
			if c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
				return fmt.Errorf("throttle: a name has ASCII letters, digits and marks")
			}
		}
		if name == "" || len(name) > 64 {
			return fmt.Errorf("throttle: a name has 1 to 64 characters")
		}
		rules.Throttle = append(rules.Throttle, t)
	}
	if len(rules.Throttle) > maxThrottles || len(list) == 0 {
		return fmt.Errorf("throttle: name 1 to %d", maxThrottles)
	}
	return nil
}
