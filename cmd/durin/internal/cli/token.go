package cli

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/internal/span"
	"github.com/spf13/cobra"
)

func (a *app) tokens() *cobra.Command {
	return noun("token", "Tokens: issue, list, end", a.tokenCreate(), a.tokenList(), a.tokenRevoke(), a.tokenLeaked(), a.tokenPrune())
}

func (a *app) tokenCreate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "create USER CLIENT",
		Short: "Issue a token, and print it once",
		Long: `Issue a token for a user and a client, by the client's policy: under reuse a live
token is handed out again. The token is all that standard output gets.`,
		Example: `  durin token create ada cli
  TOKEN=$(durin token create ada ci --ttl 2h)`,
		Args: cobra.ExactArgs(2),
		RunE: a.do(createToken),
	}
	cmd.Flags().String("ttl", "", "life time of this token (default: the client's)")
	return cmd
}

func createToken(r *run) error {
	user, client := r.args[0], r.args[1]
	var ttl time.Duration
	if r.cmd.Flags().Changed("ttl") {
		text, _ := r.cmd.Flags().GetString("ttl")
		d, err := span.Parse(text)
		if err != nil {
			return fmt.Errorf("--ttl: %q is %w", text, err)
		}
		if d <= 0 {
			return fmt.Errorf("--ttl: a life time must be longer than zero")
		}
		ttl = d
	}
	return r.with(node.Change, true, func(n *node.Node) error {
		u, err := n.Store.UserByName(r.ctx, user)
		if err != nil {
			return missing(err, "user", user)
		}
		issued, err := n.Guard.Issue(r.ctx, durin.IssueRequest{UserID: u.ID, Client: client, TTL: ttl, Device: durin.Device{Name: "command line"}})
		switch {
		case errors.Is(err, durin.ErrUnknownClient):
			return fmt.Errorf("there is no client %q", client)
		case errors.Is(err, durin.ErrInactive):
			return fmt.Errorf("the user %q is deactivated", user)
		case err != nil:
			return err
		}
		return r.showIssued(issued, user)
	})
}

// showIssued is the one place where the program prints a token.
func (r *run) showIssued(issued durin.Issued, user string) error {
	s := issued.Session
	if r.json {
		return r.out.JSON(map[string]any{
			"token": issued.Token.Reveal(), "id": s.ID, "user": user, "client": s.Client.Name,
			"created": orNil(s.Created), "expiry": orNil(s.ExpiresAt), "reused": issued.Reused,
		})
	}
	r.out.Line("%s", issued.Token.Reveal())
	if issued.Reused {
		r.err.Line("This token was there before, by the client's policy reuse; it expires: %s.", instant(s.ExpiresAt, "never"))
		return nil
	}
	r.err.Line("Keep it: it is not shown again. It expires: %s.", instant(s.ExpiresAt, "never"))
	return nil
}

func (a *app) tokenList() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List tokens, by their ids; none is shown itself",
		Example: `  durin token list --user ada
  durin token list --client web --json`,
		Args: cobra.NoArgs,
		RunE: a.do(listTokens),
	}
	cmd.Flags().String("user", "", "only of this user")
	cmd.Flags().String("client", "", "only of this client")
	cmd.Flags().Int("limit", 1000, "at most this many")
	return cmd
}

func listTokens(r *run) error {
	user, _ := r.cmd.Flags().GetString("user")
	client, _ := r.cmd.Flags().GetString("client")
	limit, _ := r.cmd.Flags().GetInt("limit")
	if limit < 1 {
		return refusal{errors.New("--limit must be at least 1")}
	}
	return r.with(node.Look, false, func(n *node.Node) error {
		q := browse.Query{Client: client, Limit: limit + 1}
		if r.cmd.Flags().Changed("user") {
			u, err := n.Store.UserByName(r.ctx, user)
			if err != nil {
				return missing(err, "user", user)
			}
			q.UserID = u.ID
		}
		if r.cmd.Flags().Changed("client") {
			if _, err := n.Store.ClientByName(r.ctx, client); err != nil {
				return missing(err, "client", client)
			}
		}
		all, err := n.Guard.Sessions(r.ctx, q)
		if err != nil {
			return err
		}
		if len(all) > limit {
			all = all[:limit]
			r.err.Line("There are more than %d: --limit shows them.", limit)
		}
		return r.showTokens(all, n.Guard.Now())
	})
}

// tokenFields are a token in JSON, without itself.
type tokenFields struct {
	ID       int64      `json:"id"`
	User     string     `json:"user"`
	UserID   string     `json:"user_id"`
	Client   string     `json:"client"`
	Created  *time.Time `json:"created"`
	Expiry   *time.Time `json:"expiry"`
	Expired  bool       `json:"has_expired"`
	LastUsed *time.Time `json:"last_used"`
	Device   string     `json:"device"`
	Address  string     `json:"address"`
	Agent    string     `json:"agent"`
}

func (r *run) showTokens(all []durin.Session, now time.Time) error {
	list := make([]tokenFields, 0, len(all))
	rows := make([][]string, 0, len(all))
	for _, s := range all {
		var d durin.Device
		if s.Device != nil {
			d = *s.Device
		}
		list = append(list, tokenFields{s.ID, s.UserName, s.UserID, s.Client.Name, orNil(s.Created), orNil(s.ExpiresAt), s.Expired(now), orNil(s.LastUsed), d.Name, d.Address, d.Agent})
		expires := instant(s.ExpiresAt, "never")
		if s.Expired(now) {
			expires += " (expired)"
		}
		rows = append(rows, []string{strconv.FormatInt(s.ID, 10), s.UserName, s.Client.Name, instant(s.Created, "-"), expires, instant(s.LastUsed, "-"), orDash(d.Name), orDash(d.Address)})
	}
	if r.json {
		return r.out.JSON(list)
	}
	r.out.Table([]string{"id", "user", "client", "created", "expires", "last used", "device", "address"}, rows)
	return nil
}

func (a *app) tokenRevoke() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke ID | --user USER [--client CLIENT]",
		Short: "End a token, or all of a user",
		Long:  "End a token, or all of a user. They are refused at once, on every node.",
		Example: `  durin token revoke 17
  durin token revoke --user ada --client phone`,
		Args: cobra.MaximumNArgs(1),
		RunE: a.do(revokeTokens),
	}
	cmd.Flags().String("user", "", "all tokens of this user")
	cmd.Flags().String("client", "", "only those of this client")
	cmd.Flags().BoolP("yes", "y", false, "taken for the sake of scripts: revoking never asks")
	return cmd
}

func revokeTokens(r *run) error {
	flags := r.cmd.Flags()
	sel := durin.Selection{}
	sel.Client, _ = flags.GetString("client")
	user, _ := flags.GetString("user")
	switch {
	case len(r.args) == 1 && changed(flags, "user", "client"):
		return refusal{errors.New("name either an id or a user")}
	case len(r.args) == 1:
		id, err := strconv.ParseInt(r.args[0], 10, 64)
		if err != nil || id < 1 {
			return refusal{fmt.Errorf("%q is not an id of a token: durin token list shows them", r.args[0])}
		}
		sel.ID = id
	case user == "" || flags.Changed("client") && sel.Client == "":
		return refusal{errors.New("name an id, or a user with --user")}
	}
	return r.with(node.Look, false, func(n *node.Node) error {
		if user != "" {
			u, err := n.Store.UserByName(r.ctx, user)
			if err != nil {
				return missing(err, "user", user)
			}
			sel.UserID = u.ID
		}
		if sel.Client != "" {
			if _, err := n.Store.ClientByName(r.ctx, sel.Client); err != nil {
				return missing(err, "client", sel.Client)
			}
		}
		ended, err := n.Guard.End(r.ctx, sel)
		if err != nil {
			return err
		}
		if ended == 0 && sel.ID != 0 {
			return fmt.Errorf("there is no token with the id %d", sel.ID)
		}
		return r.counted(ended, "revoked")
	})
}

// counted tells how many tokens something was done to.
func (r *run) counted(n int, what string) error {
	if r.json {
		return r.out.JSON(map[string]int{what: n})
	}
	noun := "tokens"
	if n == 1 {
		noun = "token"
	}
	r.out.Line("%d %s %s.", n, noun, what)
	return nil
}

func (a *app) tokenPrune() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Delete tokens that have been expired for long enough",
		Long: `Delete tokens that have been expired for longer than the setting prune-after. A
running server does so by itself.`,
		Example: "  durin token prune --prune-after 0",
		Args:    cobra.NoArgs,
		RunE:    a.do(pruneTokens),
	}
	cmd.Flags().String("prune-after", "", "how long an expired token is kept (default: the setting)")
	cmd.Flags().BoolP("yes", "y", false, "taken for the sake of scripts: pruning never asks")
	return cmd
}

func pruneTokens(r *run) error {
	keep := r.config.PruneAfter
	if r.cmd.Flags().Changed("prune-after") {
		text, _ := r.cmd.Flags().GetString("prune-after")
		d, err := span.Parse(text)
		if err != nil || d < 0 {
			return refusal{fmt.Errorf("--prune-after: %q is not a span of time like 24h or 7d", text)}
		}
		keep = d
	}
	return r.with(node.Look, false, func(n *node.Node) error {
		if keep == span.Never {
			return r.counted(0, "pruned")
		}
		const batch = 1000
		total := 0
		for {
			pruned, err := n.Store.Prune(r.ctx, n.Guard.Now().Add(-keep), batch)
			if err != nil {
				return err
			}
			if total += pruned; pruned < batch {
				if total > 0 {
					n.Audit.Record(r.ctx, audit.Entry{Action: audit.TokenPrune, Details: map[string]any{"tokens": total}})
				}
				return r.counted(total, "pruned")
			}
		}
	})
}
