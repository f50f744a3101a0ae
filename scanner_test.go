package durin_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/durintest"
)

// TestScannersFindOurs holds the pattern that docs/security.md publishes, and the
// checksum, to a large text of look-alikes: all of ours are found, and nothing
// else.
func TestScannersFindOurs(t *testing.T) {
	page, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^\\bacme_.*$`).Find(page)
	if line == nil {
		t.Fatal("docs/security.md has no pattern")
	}
	pattern := regexp.MustCompile(string(line))
	g := durintest.New(t, func(o *durin.Options) { o.TokenPrefix = "acme" })
	g.Client(durin.Client{Name: "web", Policy: durin.PolicyEvict, MaxTokens: 1000})
	random := rand.New(rand.NewPCG(3, 5))
	word := func(n int) string {
		const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		b := make([]byte, n)
		for i := range b {
			b[i] = digits[random.IntN(len(digits))]
		}
		return string(b)
	}
	ours := map[string]bool{}
	var text strings.Builder
	quotes := []string{"\"%s\"", "token=%s&", "Authorization: Token %s\n", " %s ", "(%s)", "https://example.org/?t=%s#x", "'%s',", "%s\n"}
	put := func(s string) { fmt.Fprintf(&text, " "+quotes[random.IntN(len(quotes))], s) }
	for i := range 100_000 {
		if i%500 == 0 {
			token := g.Token("ada", "web").Reveal()
			ours[token] = true
			put(token)
			swapped := token[:20] + token[21:22] + token[20:21] + token[22:] // mistyped
			if swapped != token {
				put(swapped)
			}
			put(token + "0")
			put("x" + token)
			put(token[:len(token)-1])
			put(strings.ToUpper(token))
		}
		switch random.IntN(6) {
		case 0:
			put("acme_" + word(49)) // the form, and a wrong checksum
		case 1:
			put("acme_" + word(random.IntN(60)))
		case 2:
			put("acmf_" + word(49))
		case 3:
			put(word(64))
		case 4:
			put("acme-" + word(49))
		default:
			put("ghp_" + word(36))
		}
	}
	alike := 0
	for _, found := range pattern.FindAllString(text.String(), -1) {
		if !g.Possible(durin.Secret(found)) {
			alike++
			continue
		}
		if !ours[found] {
			t.Errorf("a look-alike is taken for ours")
		}
		delete(ours, found)
	}
	if len(ours) > 0 || alike < 10_000 {
		t.Errorf("%d of ours are not found; %d look-alikes were told by their checksum", len(ours), alike)
	}
}
