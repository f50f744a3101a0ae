package docstest

import "strings"

// A plan is what a page takes for granted, and what of it is not run.
type plan struct {
	// before makes what the reader has already.
	before string
	// instead are pairs: what the page names, and what is here in its place. Names
	// of folders outside of the reader's own are changed on every page.
	instead []string
	// programs are what the commands need, with their Debian packages.
	programs [][2]string
	checks   []check
	leftOut  []leftOut
}

// A check holds after a command that begins so.
type check struct{ command, holds string }

// A command that is left out is told why.
type leftOut struct{ command, because string }

// not returns why a command is not run.
func (p plan) not(command string) (because string, is bool) {
	for _, l := range p.leftOut {
		if strings.HasPrefix(command, l.command) {
			return l.because, true
		}
	}
	return "", false
}

const (
	allTests = "it runs this test itself; .ci/run calls it (TestTwoCommands)"
	noEngine = "it needs a container engine; deploy/lint reads the file as an engine does and runs its build"
	noPod    = "it needs a cluster; deploy/lint reads the file as Kubernetes does"
	longRun  = "it measures for an hour, or repeats what the tests do once; that its tests exist is looked at"
	someAda  = `echo open-sesame-7 | durin user create ada --password-stdin
durin client create web
`
)

// plans are those of the pages; a page without one takes nothing for granted, and
// all of it is run.
var plans = map[string]plan{
	"README.md":       {leftOut: []leftOut{{"scripts/test", allTests}}},
	"CONTRIBUTING.md": {leftOut: []leftOut{{"scripts/test", allTests}}},
	"docs/audit.md": {
		before: someAda + `echo open-sesame-8 | durin user create boss --admin --password-stdin
mkdir -p /mnt/elsewhere`,
		checks: []check{
			{"durin audit export", "grep -q user.create audit.jsonl"},
			{"durin audit verify --json", "grep -q '^commands:' /mnt/elsewhere/marks"},
		},
	},
	"docs/browsers.md": {
		checks: []check{{"durin client create web", "durin client show web --json | jq -e .cookie"}},
	},
	"docs/install.md": {
		before: `mkdir -p /etc/durin /usr/local/bin /usr/local/share/man/man1 data durin_1.0.0_linux_amd64/man
sed "s,/var/lib/durin,$PWD/data," deploy/debian/durin.toml > /etc/durin/durin.toml
printf '#!/bin/sh\nexec durin "$@"\n' > durin_1.0.0_linux_amd64/durin
durin man durin_1.0.0_linux_amd64/man
tar -czf durin_1.0.0_linux_amd64.tar.gz durin_1.0.0_linux_amd64
rm -r durin_1.0.0_linux_amd64
(sha256sum durin_1.0.0_linux_amd64.tar.gz; echo "$(printf '%064d' 0)  of-another-platform.tar.gz") > SHA256SUMS
sudo() { if [ "$1" = -u ]; then shift 2; fi; "$@"; }`,
		checks: []check{
			{"sudo install durin_1.0.0", "/usr/local/bin/durin version"},
			{"sudo install -m 644", "test -s /usr/local/share/man/man1/durin-client-create.1"},
			{"sudo -u durin durin --config", "test -s data/durin.db"},
		},
		leftOut: []leftOut{
			{"make release", "scripts/test makes a release, twice (scripts/release-twice)"},
			{"sudo dpkg -i", "scripts/test-package installs the package in a clean Debian, and uses it"},
			{"sudo -u durin durin --config /etc/durin/durin.toml user create", "it asks for the password on a terminal (testdata/script/terminal.txtar)"},
			{"docker build", noEngine},
			{"docker run", noEngine},
			{"kubectl create", noPod},
			{"kubectl apply", noPod},
		},
	},
	"docs/introspection.md": {
		checks: []check{{"durin resource delete", "! durin resource list --json | grep -q billing"}},
	},
	"docs/many-nodes.md": {leftOut: []leftOut{
		{"DURIN_TEST_REVOCATIONS", longRun},
		{"scripts/cluster", "it starts groups of servers until told to end them; nodestest and enginetest start the same groups"},
		{"go test -C", longRun},
	}},
	"docs/metrics.md": {programs: [][2]string{{"promtool", "prometheus"}}},
	"docs/moving-from-django.md": {
		before:  "cp TESTDATA/dump.json dump.json; TOKEN=$(printf 'a1%.0s' {1..32})",
		instead: []string{"https://django.example.org", "http://" + usualAddr, "curl -i", "curl -fsS -i"},
		checks: []check{
			{"durin import django dump.json --dry-run", "test ! -e durin.db"},
			{"durin import django dump.json --client-for", "durin token list --client mobile --json | grep -q grace"},
		},
		leftOut: []leftOut{{"python manage.py", "it needs the reader's own Django project; importer has dumps that such projects wrote"}},
	},
	"docs/operating.md": {
		before:  "mkdir -p /var/backups",
		instead: []string{"durin restore", "durin restore --yes"}, // nobody is asked without a terminal
		checks: []check{
			{"durin backup", "test -s /var/backups/durin.db"},
			{"durin restore", "ls durin.db.before-restore-*"},
		},
	},
	"docs/protect-any-application.md": {before: "mkdir -p /run/durin"},
	"docs/scaling.md":                 {leftOut: []leftOut{{"go run ./bench", "it fills a database with ten million rows and measures for an hour"}}},
	"docs/security.md": {
		before: someAda + `TOKEN=$(durin token create ada web)
echo "[{\"token\": \"$TOKEN\", \"type\": \"acme_token\", \"url\": \"https://example.org/a\", \"source\": \"commit\"}]" > report.json`,
		checks: []check{{"durin token leaked", "! durin token list --user ada --json | grep -q '\"id\"'"}},
	},
}
