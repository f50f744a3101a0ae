package cli

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/internal/span"
	"github.com/spf13/cobra"
)

func (a *app) resources() *cobra.Command {
	return noun("resource", "Resource servers: services that may ask about tokens and end them",
		a.resourceCreate(), a.resourceList(), a.resourceDelete())
}

func (a *app) resourceCreate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a secret for a service, and print it once",
		Long: `Make a secret by which a service asks about tokens (RFC 7662) and ends them (RFC
7009). Several secrets of one name are good at the same time: to change one, make
the next, give it to the service, and delete the old one by its id. The secret is
all that standard output gets.`,
		Example: `  durin resource create billing
  SECRET=$(durin resource create billing --ttl 90d)`,
		Args: cobra.ExactArgs(1),
		RunE: a.do(createResource),
	}
	cmd.Flags().String("ttl", "never", "how long the secret is good: 90d, never")
	return cmd
}

func createResource(r *run) error {
	text, _ := r.cmd.Flags().GetString("ttl")
	ttl, err := span.Parse(text)
	if err != nil || ttl <= 0 {
		return refusal{fmt.Errorf("--ttl: %q is not a span of time like 90d, or never", text)}
	}
	return r.with(node.Change, false, func(n *node.Node) error {
		secret, s, err := n.Guard.CreateResourceServer(r.ctx, r.args[0], ttl)
		if err != nil {
			return told("Can't create resource server!", err)
		}
		if r.json {
			fields := resourceJSON(s, n.Guard.Now())
			fields.Secret = secret.Reveal()
			return r.out.JSON(fields)
		}
		r.out.Line("%s", secret.Reveal())
		r.err.Line("Keep it: it is not shown again. Its id is %d; it expires: %s.", s.ID, instant(s.Expires, "never"))
		return nil
	})
}

// resourceFields are a resource server in JSON.
type resourceFields struct {
	ID      int64      `json:"id"`
	Name    string     `json:"name"`
	Created *time.Time `json:"created"`
	Expiry  *time.Time `json:"expiry"`
	Expired bool       `json:"has_expired"`
	Secret  string     `json:"secret,omitempty"`
}

func resourceJSON(s durin.ResourceServer, now time.Time) resourceFields {
	return resourceFields{ID: s.ID, Name: s.Name, Created: orNil(s.Created), Expiry: orNil(s.Expires), Expired: !s.Expires.IsZero() && now.After(s.Expires)}
}

func (a *app) resourceList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List resource servers, by name; no secret is shown",
		Example: "  durin resource list --json",
		Args:    cobra.NoArgs,
		RunE: a.do(func(r *run) error {
			return r.with(node.Look, false, func(n *node.Node) error {
				all, err := n.Guard.ResourceServers(r.ctx)
				if err != nil {
					return err
				}
				list, rows := make([]resourceFields, 0, len(all)), make([][]string, 0, len(all))
				for _, s := range all {
					fields := resourceJSON(s, n.Guard.Now())
					expires := instant(s.Expires, "never")
					if fields.Expired {
						expires += " (expired)"
					}
					list = append(list, fields)
					rows = append(rows, []string{strconv.FormatInt(s.ID, 10), s.Name, instant(s.Created, "-"), expires})
				}
				if r.json {
					return r.out.JSON(list)
				}
				r.out.Table([]string{"id", "name", "created", "expires"}, rows)
				return nil
			})
		}),
	}
}

func (a *app) resourceDelete() *cobra.Command {
	return confirmable(&cobra.Command{
		Use:     "delete ID",
		Short:   "Delete a resource server's secret; it is refused at once",
		Example: "  durin resource delete 3 --yes",
		Args:    cobra.ExactArgs(1),
		RunE: a.do(func(r *run) error {
			id, err := strconv.ParseInt(r.args[0], 10, 64)
			if err != nil || id < 1 {
				return refusal{fmt.Errorf("%q is not an id: durin resource list shows them", r.args[0])}
			}
			if err := r.confirm("Delete the resource server's secret " + r.args[0] + "?"); err != nil {
				return err
			}
			return r.with(node.Look, false, func(n *node.Node) error {
				err := n.Guard.DeleteResourceServer(r.ctx, id)
				if errors.Is(err, durin.ErrNotFound) {
					return fmt.Errorf("there is no resource server with the id %d", id)
				}
				if err != nil {
					return err
				}
				return r.deleted("Secret", r.args[0])
			})
		}),
	})
}
