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
		p.report.note("%s from another's in case or in what cannot be seen, as %s does: each logs in by its very name; where logins ignored case, LoginNamesFolded (durin serve --login-names folded) lets in by another spelling whoever is the only one meant.",
			counted(n, "name differs", "names differ"), strconv.QuoteToASCII(p.twin))
	}
	if n := p.report.OddNames; n > 0 {
		p.report.note("%s not be given to a new user, as %s: they stay, and log in as they are.", counted(n, "name could", "names could"), strconv.QuoteToASCII(p.odd))
	}
}
