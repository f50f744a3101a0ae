package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/internal/span"
	"github.com/durin-go/durin/throttle"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func (a *app) clients() *cobra.Command {
	return noun("client", "Clients: the kinds of program that call your API",
		a.clientCreate(), a.clientList(), a.clientShow(), a.clientUpdate(), a.clientDelete())
}

// clientFlags are those of create and update.
func clientFlags(flags *pflag.FlagSet) {
	flags.SortFlags = false
	flags.String("ttl", "", "life time of its tokens: 90m, 14d, 2w, never (default: the setting token-ttl)")
	flags.String("throttle", "", "rate of one user: 100/h; 0/m blocks; empty: the setting throttle")
	flags.String("policy", "reuse", "what a login does about live tokens: reuse, replace, evict, reject")
	flags.Int("max-tokens", 0, "most live tokens of one user, for evict and reject")
	flags.String("sliding", "0", "each use prolongs the token, written at most once in this span; 0: no")
	flags.String("max-life", "0", "longest life from issue, whatever renewals there are; 0: no bound")
	flags.Bool("rotate", false, "a renewal answers a new token; whoever presents the old one after its grace ends the session")
	flags.String("grace", "30s", "with --rotate: how long the old token stays good, 1s to 24h")
	flags.Bool("no-password", false, "close the client to logins by password")
	flags.Bool("cookie", false, "its tokens travel in a cookie that no script can read, not in a header")
	flags.String("description", "", "a line for people")
	// The reference's names of the two that it has.
	flags.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		switch name {
		case "token-ttl":
			name = "ttl"
		case "throttle-rate":
			name = "throttle"
		}
		return pflag.NormalizedName(name)
	})
}

// defaultGrace is that of --rotate without --grace.
const defaultGrace = 30 * time.Second

// setClient puts the flags that were given into c. The error joins a
// *durin.FieldError for each that cannot be read.
func setClient(c *durin.Client, flags *pflag.FlagSet) error {
	var faults []error
	setSpan := func(name string, to *time.Duration) {
		if !flags.Changed(name) {
			return
		}
		text, _ := flags.GetString(name)
		d, err := span.Parse(text)
		switch {
		case errors.Is(err, span.ErrTooLong):
			faults = append(faults, &durin.FieldError{Field: name, Message: "It is " + err.Error() + "."})
		case err != nil:
			faults = append(faults, &durin.FieldError{Field: name, Message: "Duration has wrong format. Use one of these formats instead: 90m, 12h, 14d, 2w, never, [DD] [HH:[MM:]]ss[.uuuuuu]."})
		case name == "ttl" && d <= 0:
			faults = append(faults, &durin.FieldError{Field: name, Message: `A life time must be longer than zero; write "never" for tokens that do not expire.`})
		default:
			*to = d
		}
	}
	setSpan("ttl", &c.TTL)
	if flags.Changed("throttle") {
		text, _ := flags.GetString("throttle")
		rate, err := throttle.ParseRate(text)
		if err != nil {
			faults = append(faults, &durin.FieldError{Field: "throttle", Message: err.Error() + "."})
		}
		c.Rate = rate
	}
	setPolicy(c, flags)
	setSpan("sliding", &c.Sliding)
	setSpan("max-life", &c.MaxLife)
	if rotate, _ := flags.GetBool("rotate"); flags.Changed("rotate") {
		c.Rotate = 0
		if rotate {
			c.Rotate = defaultGrace
		}
	}
	if flags.Changed("grace") && c.Rotate == 0 {
		faults = append(faults, &durin.FieldError{Field: "grace", Message: "Only the tokens of a client with --rotate have a grace."})
	} else {
		setSpan("grace", &c.Rotate)
	}
	if flags.Changed("no-password") {
		c.NoPassword, _ = flags.GetBool("no-password")
	}
	if flags.Changed("cookie") {
		c.Cookie, _ = flags.GetBool("cookie")
	}
	if flags.Changed("description") {
		c.Description, _ = flags.GetString("description")
	}
	return errors.Join(faults...)
}

// setPolicy drops the maximum of a policy that is left.
func setPolicy(c *durin.Client, flags *pflag.FlagSet) {
	if flags.Changed("policy") {
		policy, _ := flags.GetString("policy")
		c.Policy = durin.Policy(strings.ToLower(policy))
		if c.Policy != durin.PolicyEvict && c.Policy != durin.PolicyReject {
			c.MaxTokens = 0
		}
	}
	if flags.Changed("max-tokens") {
		c.MaxTokens, _ = flags.GetInt("max-tokens")
	}
}

func (a *app) clientCreate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Add a client",
		Example: `  durin client create web --ttl 14d
  durin client create cli --ttl never --policy evict --max-tokens 5
  durin client create phone --ttl 30d --sliding 1h --max-life 180d --throttle 600/m
  durin client create app --ttl 1h --max-life 30d --rotate --grace 30s`,
		Args: cobra.ExactArgs(1),
		RunE: a.do(createClient),
	}
	clientFlags(cmd.Flags())
	return cmd
}

func createClient(r *run) error {
	c := durin.Client{Name: strings.TrimSpace(r.args[0]), TTL: r.config.TokenTTL}
	faults := setClient(&c, r.cmd.Flags())
	if err := errors.Join(c.Validate(), faults); err != nil {
		return told("Can't create client!", inOrder(err))
	}
	return r.with(node.Change, c.Rotate > 0, func(n *node.Node) error { // what rotates needs the keys
		c, err := n.Guard.CreateClient(r.ctx, c)
		if errors.Is(err, durin.ErrExists) {
			err = &durin.FieldError{Field: "name", Message: "client with this name already exists."}
		}
		if err != nil {
			return told("Can't create client!", err)
		}
		if r.json {
			return r.out.JSON(clientJSON(c))
		}
		r.out.Line("Client %s created!", c.Name)
		return nil
	})
}

// inOrder flattens joined errors, name first.
func inOrder(err error) error {
	var first, rest []error
	var visit func(error)
	visit = func(err error) {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				visit(e)
			}
			return
		}
		var field *durin.FieldError
		if errors.As(err, &field) && field.Field == "name" {
			first = append(first, err)
		} else {
			rest = append(rest, err)
		}
	}
	visit(err)
	return errors.Join(append(first, rest...)...)
}

func (a *app) clientList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the clients",
		Example: "  durin client list --json",
		Args:    cobra.NoArgs,
		RunE: a.do(func(r *run) error {
			return r.with(node.Look, false, func(n *node.Node) error {
				all, err := n.Store.Clients(r.ctx)
				if err != nil {
					return err
				}
				return r.showClients(all)
			})
		}),
	}
}

func (r *run) showClients(all []durin.Client) error {
	if r.json {
		list := make([]clientFields, 0, len(all))
		for _, c := range all {
			list = append(list, clientJSON(c))
		}
		return r.out.JSON(list)
	}
	var rows [][]string
	for _, c := range all {
		rows = append(rows, []string{c.Name, span.Format(c.TTL), orDash(c.Rate.String()), policyWords(c), spanOrDash(c.Sliding), spanOrDash(c.MaxLife), yesNo(!c.NoPassword), travelsIn(c), orDash(c.Description)})
	}
	r.out.Table([]string{"name", "life time", "throttle", "policy", "sliding", "max life", "password", "travels in", "description"}, rows)
	return nil
}

func policyWords(c durin.Client) string {
	if c.MaxTokens == 0 {
		return string(c.Policy)
	}
	return fmt.Sprintf("%s %d", c.Policy, c.MaxTokens)
}

func rotates(c durin.Client) string {
	if c.Rotate == 0 {
		return "no"
	}
	return "at each renewal, grace " + span.Format(c.Rotate)
}

func travelsIn(c durin.Client) string {
	if c.Cookie {
		return "cookie"
	}
	return "header"
}

func (a *app) clientShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show NAME",
		Short:   "Show a client",
		Example: "  durin client show web",
		Args:    cobra.ExactArgs(1),
		RunE: a.do(func(r *run) error {
			return r.with(node.Look, false, func(n *node.Node) error {
				c, err := n.Store.ClientByName(r.ctx, r.args[0])
				if err != nil {
					return missing(err, "client", r.args[0])
				}
				if r.json {
					return r.out.JSON(clientJSON(c))
				}
				r.out.Line("name         %s", c.Name)
				r.out.Line("life time    %s", span.Format(c.TTL))
				r.out.Line("throttle     %s", orDash(c.Rate.String()))
				r.out.Line("policy       %s", policyWords(c))
				r.out.Line("sliding      %s", spanOrDash(c.Sliding))
				r.out.Line("max life     %s", spanOrDash(c.MaxLife))
				r.out.Line("rotates      %s", rotates(c))
				r.out.Line("password     %s", yesNo(!c.NoPassword))
				r.out.Line("travels in   %s", travelsIn(c))
				r.out.Line("description  %s", orDash(c.Description))
				r.out.Line("created      %s", instant(c.Created, "-"))
				return nil
			})
		}),
	}
}

func (a *app) clientUpdate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "update NAME",
		Short: "Change a client; its sessions follow at once",
		Long: `Change a client. Only what is named changes. Rules act on live sessions at once;
a new life time counts for tokens that are issued or renewed from now on.`,
		Example: `  durin client update web --ttl 7d --throttle ""
  durin client update web --name browser`,
		Args: cobra.ExactArgs(1),
		RunE: a.do(updateClient),
	}
	clientFlags(cmd.Flags())
	cmd.Flags().String("name", "", "a new name")
	return cmd
}

func updateClient(r *run) error {
	flags := r.cmd.Flags()
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	clientFlags(own)
	names := []string{"name"}
	own.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if !changed(flags, names...) {
		return refusal{errors.New("nothing to change: name a flag")}
	}
	purpose := node.Look
	if changed(flags, "rotate", "grace") {
		purpose = node.Change // which makes the keys, where there are none yet
	}
	return r.with(purpose, true, func(n *node.Node) error { // with the keys, for the client may rotate already
		c, err := n.Guard.UpdateClient(r.ctx, r.args[0], func(c *durin.Client) error {
			if flags.Changed("name") {
				name, _ := flags.GetString("name")
				c.Name = strings.TrimSpace(name)
			}
			if err := setClient(c, flags); err != nil {
				return inOrder(errors.Join(c.Validate(), err))
			}
			return nil
		})
		if errors.Is(err, durin.ErrExists) {
			err = &durin.FieldError{Field: "name", Message: "client with this name already exists."}
		}
		if err != nil {
			return told("Can't change client!", missing(err, "client", r.args[0]))
		}
		if r.json {
			return r.out.JSON(clientJSON(c))
		}
		r.out.Line("Client %s changed.", c.Name)
		return nil
	})
}

func (a *app) clientDelete() *cobra.Command {
	return confirmable(&cobra.Command{
		Use:     "delete NAME",
		Short:   "Delete a client and end all its tokens",
		Example: "  durin client delete web --yes",
		Args:    cobra.ExactArgs(1),
		RunE: a.do(func(r *run) error {
			name := r.args[0]
			if err := r.confirm("Delete the client " + name + " and end all its tokens?"); err != nil {
				return err
			}
			return r.with(node.Look, false, func(n *node.Node) error {
				if err := n.Guard.DeleteClient(r.ctx, name); err != nil {
					return missing(err, "client", name)
				}
				return r.deleted("Client", name)
			})
		}),
	})
}

// clientFields are a client in JSON; spans are in the form that --ttl takes.
type clientFields struct {
	ID          int64      `json:"id"`
	Name        string     `json:"name"`
	TTL         string     `json:"ttl"`
	Throttle    string     `json:"throttle"`
	Policy      string     `json:"policy"`
	MaxTokens   int        `json:"max_tokens"`
	Sliding     string     `json:"sliding"`
	MaxLife     string     `json:"max_life"`
	Rotate      string     `json:"rotate"`
	NoPassword  bool       `json:"no_password"`
	Cookie      bool       `json:"cookie"`
	Description string     `json:"description"`
	Created     *time.Time `json:"created"`
}

func clientJSON(c durin.Client) clientFields {
	return clientFields{c.ID, c.Name, span.Format(c.TTL), c.Rate.String(), string(c.Policy), c.MaxTokens,
		span.Format(c.Sliding), span.Format(c.MaxLife), span.Format(c.Rotate), c.NoPassword, c.Cookie, c.Description, orNil(c.Created)}
}
