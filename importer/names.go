package importer

import (
	"strconv"

	"github.com/durin-go/durin"
)

// seeName counts a user's name that is like another's but for case, or that no new
// user could have.
func (p *pass) seeName(name string) {
	if !p.folded.add(durin.FoldName(name)) {
		p.report.CaseTwins++
		p.twin = name
	}
	if normal, err := durin.NewName(name); err != nil || normal != name {
		p.report.OddNames++
		p.odd = name
	}
}

// tellNames tells what that means for those users.
func (p *pass) tellNames() {
	if n := p.report.CaseTwins; n > 0 {
		p.report.note("%s from another's only in case or in invisible characters, as %s does: each of these users has to log in with the exact name, also under LoginNamesFolded (durin serve --login-names folded).",
			counted(n, "name differs", "names differ"), strconv.QuoteToASCII(p.twin))
	}
	if n := p.report.OddNames; n > 0 {
		p.report.note("%s not be given to a new user, as %s: they stay, and log in as they are.", counted(n, "name could", "names could"), strconv.QuoteToASCII(p.odd))
	}
}
