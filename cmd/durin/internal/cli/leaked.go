package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/spf13/cobra"
)

func (a *app) tokenLeaked() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "leaked [FILE]",
		Short: "End the tokens that a secret scanner has found",
		Long: `End the tokens that a secret scanner has found in a place where everybody can read
them. They are read from the file, or from standard input: one on each line, or as
a JSON array of objects with "token" and, if there are, "type", "url" and "source".
No token is printed: a line tells its first characters, and what became of it:

  ended      its session was live, and has been ended
  live       its session is live (with --dry-run)
  expired    it had run out before
  unknown    it is none of ours, or its session has ended before
  malformed  it cannot be a token, or its checksum is wrong

The exit status is 0 when all of them were looked at, whatever they were; 1 when
one of them could not be looked up or ended: run it again; 2 when the file is not
understood, and nothing has been ended.`,
		Example: `  durin token leaked report.json
  gitleaks git --report-format json --report-path - | jq -r '.[].Secret' | durin token leaked --dry-run`,
		Args: cobra.MaximumNArgs(1),
		RunE: a.do(endLeaked),
	}
	cmd.Flags().Bool("dry-run", false, "tell what would be ended, and end nothing")
	return cmd
}

const (
	maxReport = 16 << 20 // bytes
	maxLeaked = 100_000  // tokens of a report
)

// A leak is one finding of a report.
type leak struct {
	Token  string `json:"token"`
	Type   string `json:"type"`
	URL    string `json:"url"`
	Source string `json:"source"`
}

// leakFields are what became of one, without the token.
type leakFields struct {
	Token   string `json:"token"` // its first characters
	Result  string `json:"result"`
	Session int64  `json:"id,omitempty"`
	User    string `json:"user,omitempty"`
	UserID  string `json:"user_id,omitempty"`
	Client  string `json:"client,omitempty"`
	Type    string `json:"type,omitempty"`
	URL     string `json:"url,omitempty"`
	Source  string `json:"source,omitempty"`
}

func endLeaked(r *run) error {
	leaks, err := r.readLeaks()
	if err != nil {
		return refusal{err}
	}
	dry, _ := r.cmd.Flags().GetBool("dry-run")
	return r.with(node.Look, false, func(n *node.Node) error {
		var list []leakFields
		var failed error
		for _, l := range leaks {
			f, err := r.endLeak(n.Guard, l, dry)
			if err != nil {
				failed = fmt.Errorf("%d of %d were looked at, run it again: %w", len(list), len(leaks), err)
				break
			}
			list = append(list, f)
		}
		return errors.Join(r.showLeaks(list), failed)
	})
}

// readLeaks reads the report. Its errors never bear what it says.
func (r *run) readLeaks() ([]leak, error) {
	src := r.In
	if len(r.args) == 1 && r.args[0] != "-" {
		file, err := os.Open(r.args[0])
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }()
		src = file
	}
	text, err := io.ReadAll(io.LimitReader(src, maxReport+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxReport {
		return nil, fmt.Errorf("the report is larger than %d MiB: split it", maxReport>>20)
	}
	leaks, err := parseLeaks(bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff"))))
	if err == nil && len(leaks) > maxLeaked {
		err = fmt.Errorf("the report has more than %d tokens: split it", maxLeaked)
	}
	return leaks, err
}

// parseLeaks reads a report of either form. A token that is in it twice is looked
// at once.
func parseLeaks(text []byte) ([]leak, error) {
	var all []leak
	if len(text) > 0 && text[0] == '[' {
		if err := json.Unmarshal(text, &all); err != nil {
			return nil, errors.New(`the report is no JSON array of {"token": …}`)
		}
	} else {
		lines := bufio.NewScanner(bytes.NewReader(text))
		lines.Buffer(nil, maxReport+1)
		for lines.Scan() {
			all = append(all, leak{Token: lines.Text()})
		}
	}
	seen := map[string]bool{"": true}
	var leaks []leak
	for _, l := range all {
		l.Token = strings.TrimSpace(l.Token)
		if !seen[l.Token] {
			seen[l.Token] = true
			leaks = append(leaks, l)
		}
	}
	return leaks, nil
}

// endLeak ends the session of one leaked token, if it is live.
func (r *run) endLeak(g *durin.Guard, l leak, dry bool) (leakFields, error) {
	token := durin.Secret(l.Token)
	hide := func(s string) string { return strings.ReplaceAll(s, l.Token, "…") }
	f := leakFields{Token: masked(l.Token), Type: hide(l.Type), URL: hide(l.URL), Source: hide(l.Source)}
	if !g.Possible(token) {
		f.Result = "malformed"
		return f, nil
	}
	s, err := g.FindToken(r.ctx, token)
	if errors.Is(err, durin.ErrNotFound) {
		f.Result = "unknown"
		return f, nil
	}
	if err != nil {
		return f, err
	}
	f.Session, f.User, f.UserID, f.Client = s.ID, s.UserName, s.UserID, s.Client.Name
	switch {
	case s.ReplacedBy == nil && s.Expired(g.Now()):
		f.Result = "expired"
		return f, nil
	case dry:
		f.Result = "live"
		return f, nil
	}
	ended, err := g.EndToken(r.ctx, token)
	f.Result = "unknown" // somebody was faster
	if ended {
		f.Result = "ended"
	}
	return f, err
}

// masked is what may be shown of a token: nothing of what may be something else.
func masked(token string) string {
	const shown, least = 4, 32
	if len(token) < least {
		return "…"
	}
	if prefix, _, ok := strings.Cut(token[:least/2+1], "_"); ok {
		return printable(prefix) + "_…"
	}
	return printable(token[:shown]) + "…"
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '!' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

func (r *run) showLeaks(list []leakFields) error {
	if r.json {
		if list == nil {
			list = []leakFields{}
		}
		return r.out.JSON(list)
	}
	var rows [][]string
	for _, f := range list {
		id := "-"
		if f.Session != 0 {
			id = strconv.FormatInt(f.Session, 10)
		}
		rows = append(rows, []string{f.Token, f.Result, id, orDash(f.User), orDash(f.Client), orDash(printable(f.URL))})
	}
	r.out.Table([]string{"token", "result", "id", "user", "client", "found at"}, rows)
	return nil
}
