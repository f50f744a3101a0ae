package cli

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/cmd/durin/internal/output"
	"github.com/durin-go/durin/internal/span"
	"github.com/spf13/cobra"
)

func (a *app) audits() *cobra.Command {
	return noun("audit", "Audit log: who changed what, when, from where", a.auditList(), a.auditVerify(), a.auditExport())
}

// commander is who types commands: the account of the operating system.
func commander() audit.Actor {
	name := strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	return audit.Actor{Kind: audit.Command, ID: name}
}

func (a *app) auditList() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what was done, the newest first",
		Example: `  durin audit list --user ada --since 7d
  durin audit list --action login.failed --json
  durin audit list --client web --by root --limit 20`,
		Args: cobra.NoArgs,
		RunE: a.do(listAudit),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.String("user", "", "only what was done to this user, by name or id")
	flags.String("by", "", "only what this one did: a user by name or id, or an account of the operating system")
	flags.String("action", "", "only this action: login, token.revoke, client.update …")
	flags.String("client", "", "only about this client")
	flags.String("since", "", "not before this: 7d ago, or an instant like 2026-01-02T15:04:05Z")
	flags.String("until", "", "before this, in the same forms")
	flags.Int("limit", 50, "at most this many")
	flags.String("after", "", "go on behind this row: CHAIN:SEQ")
	return cmd
}

// auditFilter reads the flags of a list.
func (r *run) auditFilter(n *node.Node) (f audit.Filter, err error) {
	flags := r.cmd.Flags()
	for name, to := range map[string]*string{"user": &f.UserID, "by": &f.ActorID} {
		if text, _ := flags.GetString(name); text != "" {
			if *to, err = r.userOrID(n, text); err != nil {
				return f, err
			}
		}
	}
	action, _ := flags.GetString("action")
	if f.Action = audit.Action(action); action != "" && !slices.Contains(audit.Actions(), f.Action) {
		return f, refusal{fmt.Errorf("--action: there is no action %q; there are %s", action, words(audit.Actions()))}
	}
	f.Client, _ = flags.GetString("client")
	for name, to := range map[string]*time.Time{"since": &f.Since, "until": &f.Until} {
		if text, _ := flags.GetString(name); text != "" {
			if *to, err = instantOrAgo(text, r.now()); err != nil {
				return f, refusal{fmt.Errorf("--%s: %w", name, err)}
			}
		}
	}
	return f, nil
}

// userOrID is the id of the user with that name; where there is none, text is the
// id of one who may be gone.
func (r *run) userOrID(n *node.Node, text string) (string, error) {
	u, err := n.Store.UserByName(r.ctx, text)
	if errors.Is(err, durin.ErrNotFound) {
		return text, nil
	}
	return u.ID, err
}

func words(actions []audit.Action) string {
	list := make([]string, len(actions))
	for i, a := range actions {
		list[i] = string(a)
	}
	return strings.Join(list, ", ")
}

func instantOrAgo(text string, now time.Time) (time.Time, error) {
	for _, form := range []string{time.RFC3339, "2006-01-02 15:04:05", time.DateOnly} {
		if at, err := time.Parse(form, text); err == nil {
			return at, nil
		}
	}
	d, err := span.Parse(strings.TrimSuffix(text, " ago"))
	if err != nil || d <= 0 {
		return time.Time{}, fmt.Errorf("%q is neither a span like 7d nor an instant like 2026-01-02T15:04:05Z", text)
	}
	return now.Add(-d), nil
}

func listAudit(r *run) error {
	limit, _ := r.cmd.Flags().GetInt("limit")
	if limit < 1 {
		return refusal{errors.New("--limit must be at least 1")}
	}
	return r.with(node.Look, false, func(n *node.Node) error {
		f, err := r.auditFilter(n)
		if err != nil {
			return err
		}
		cursor, err := r.auditCursor(n)
		if err != nil {
			return err
		}
		rows, err := n.Store.FindAudit(r.ctx, f, cursor, limit+1)
		if err != nil {
			return err
		}
		if len(rows) > limit {
			rows = rows[:limit]
			last := rows[limit-1]
			r.err.Line("There are more: go on with --after %s", place(last.Chain, last.Seq))
		}
		return r.showAudit(rows)
	})
}

// place names a row.
func place(chain string, seq int64) string { return chain + ":" + strconv.FormatInt(seq, 10) }

func parsePlace(text string) (chain string, seq int64, err error) {
	i := strings.LastIndexByte(text, ':')
	if i > 0 {
		seq, err = strconv.ParseInt(text[i+1:], 10, 64)
	}
	if i <= 0 || err != nil || seq < 0 {
		return "", 0, refusal{fmt.Errorf("--after: %q is not in the form CHAIN:SEQ", text)}
	}
	return text[:i], seq, nil
}

func (r *run) auditCursor(n *node.Node) (audit.Cursor, error) {
	text, _ := r.cmd.Flags().GetString("after")
	if text == "" {
		return audit.Cursor{}, nil
	}
	chain, seq, err := parsePlace(text)
	if err != nil {
		return audit.Cursor{}, err
	}
	rows, err := n.Store.AuditRows(r.ctx, chain, seq-1, 1)
	if err != nil {
		return audit.Cursor{}, err
	}
	if len(rows) == 0 || rows[0].Seq != seq {
		return audit.Cursor{}, fmt.Errorf("there is no row %s", text)
	}
	return audit.CursorOf(rows[0]), nil
}

// auditFields are a row in JSON.
type auditFields struct {
	Chain     string          `json:"chain"`
	Seq       int64           `json:"seq"`
	At        time.Time       `json:"at"`
	Action    audit.Action    `json:"action"`
	Actor     audit.Actor     `json:"actor"`
	UserID    string          `json:"user_id,omitempty"`
	User      string          `json:"user,omitempty"`
	Client    string          `json:"client,omitempty"`
	SessionID int64           `json:"session_id,omitempty"`
	Address   string          `json:"address,omitempty"`
	Agent     string          `json:"agent,omitempty"`
	RequestID string          `json:"request_id,omitempty"`
	Details   json.RawMessage `json:"details,omitempty"`
	KeyID     string          `json:"key_id,omitempty"`
	Hash      string          `json:"hash"`
}

func auditJSON(row audit.Row) auditFields {
	f := auditFields{
		Chain: row.Chain, Seq: row.Seq, At: row.At, Action: row.Action, Actor: row.Actor, UserID: row.UserID, User: row.UserName, Client: row.Client,
		SessionID: row.SessionID, Address: row.Address, Agent: row.Agent, RequestID: row.RequestID, KeyID: row.KeyID, Hash: hex.EncodeToString(row.Hash[:]),
	}
	if json.Valid([]byte(row.Details)) {
		f.Details = json.RawMessage(row.Details)
	} else if row.Details != "" {
		f.Details, _ = json.Marshal(row.Details)
	}
	return f
}

func (r *run) showAudit(rows []audit.Row) error {
	list, table := make([]auditFields, 0, len(rows)), make([][]string, 0, len(rows))
	for _, row := range rows {
		list = append(list, auditJSON(row))
		name := row.UserName
		if name == "" {
			name = row.UserID
		}
		table = append(table, []string{instant(row.At, "-"), string(row.Action), row.Actor.String(), orDash(name), orDash(row.Client), orDash(row.Address), audit.DetailsText(row.Details)})
	}
	if r.json {
		return r.out.JSON(list)
	}
	r.out.Table([]string{"at", "action", "by", "user", "client", "from", "details"}, table)
	return nil
}

func (a *app) auditExport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the audit log to standard output, a JSON object a line",
		Long: `Write the audit log to standard output, one JSON object a line, chain by chain, each
from its oldest row on. Where it ended is told on standard error, in the form that
--after takes: with that the next export goes on without a gap. Give --after once
for each chain; chains without one are written from their beginning.`,
		Example: `  durin audit export > audit.jsonl
  durin audit export --after commands:12 --after node1:3456 >> audit.jsonl`,
		Args: cobra.NoArgs,
		RunE: a.do(func(r *run) error {
			return r.with(node.Look, false, func(n *node.Node) error { return r.exportAudit(n) })
		}),
	}
	cmd.Flags().StringArray("after", nil, "go on behind this row of its chain: CHAIN:SEQ")
	return cmd
}

func (r *run) exportAudit(n *node.Node) error {
	given, _ := r.cmd.Flags().GetStringArray("after")
	after := map[string]int64{}
	for _, text := range given {
		chain, seq, err := parsePlace(text)
		if err != nil {
			return err
		}
		after[chain] = seq
	}
	heads, err := n.Store.AuditHeads(r.ctx)
	if err != nil {
		return err
	}
	out := json.NewEncoder(output.CleanJSON(r.Out))
	out.SetEscapeHTML(false)
	told := r.teller()
	written := 0
	var ends []string
	for _, h := range heads {
		end, err := r.exportChain(n, out, h, after[h.Chain], func() { written++; told.tell("exporting: %d rows", written) })
		if err != nil {
			told.end()
			return err
		}
		ends = append(ends, "--after "+shellWord(place(h.Chain, end)))
	}
	told.end()
	r.err.Line("%d rows. The next export goes on with: durin audit export %s", written, strings.Join(ends, " "))
	return nil
}

// exportChain writes the rows above after, up to where the chain stands now, and
// tells the last one's number.
func (r *run) exportChain(n *node.Node, out *json.Encoder, h audit.Head, after int64, wrote func()) (int64, error) {
	const page = 1000
	for after < h.Seq {
		rows, err := n.Store.AuditRows(r.ctx, h.Chain, after, page)
		if err != nil || len(rows) == 0 {
			return after, err
		}
		for _, row := range rows {
			if err := out.Encode(auditJSON(row)); err != nil {
				return after, err
			}
			after = row.Seq
			wrote()
		}
		if err := context.Cause(r.ctx); err != nil {
			return after, err
		}
	}
	return after, nil
}
