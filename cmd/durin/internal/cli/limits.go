package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/cmd/durin/internal/output"
	"github.com/spf13/cobra"
)

func (a *app) limits() *cobra.Command {
	var at string
	cmd := &cobra.Command{
		Use:   "limits",
		Short: "Show who may not try passwords for now",
		Long: `Ask a running server which accounts and addresses it holds back, because too many
wrong passwords were tried. A name stands there as it was given, whether there is
such a user or not. With --redis that is what all servers hold back, otherwise
each one has its own. The server tells callers on its own machine only, and only
those who have the key file. Locks end by themselves; a restart ends those that are
not shared.`,
		Example: `  durin limits
  durin limits --json --url http://127.0.0.1:9000`,
		Args: cobra.NoArgs,
		RunE: a.do(func(r *run) error { return r.showLimits(at) }),
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&at, "url", "", "`URL` of the server (default: as the settings say)")
	cmd.AddCommand(a.liftLimits())
	return cmd
}

func (a *app) liftLimits() *cobra.Command {
	var at string
	cmd := &cobra.Command{
		Use:   "lift ACCOUNT",
		Short: "Let an account try passwords again",
		Long: `Ask a running server to end the locks of an account, from everywhere and from each
address, and to forget the failures that led to them; with --redis on all servers,
otherwise on that one. Locks of an address over all accounts stay. It needs the key
file, and is recorded in the audit log.`,
		Example: `  durin limits lift ada
  durin limits lift ada --url http://127.0.0.1:9000`,
		Args: cobra.ExactArgs(1),
		RunE: a.do(func(r *run) error { return r.liftLimits(at, r.args[0]) }),
	}
	cmd.Flags().StringVar(&at, "url", "", "`URL` of the server (default: as the settings say)")
	return cmd
}

func (r *run) liftLimits(at, account string) error {
	keys, err := node.ReadKeys(r.config)
	if err != nil {
		return fmt.Errorf("the key file shows the server who asks: %w", err)
	}
	asked, err := node.NewLift(keys, account, commander().ID, time.Now())
	if err != nil {
		return err
	}
	text, err := json.Marshal(asked)
	if err != nil {
		return err
	}
	base, status, body, err := r.ask(at, "/limits/lift", text)
	if err != nil {
		return err
	}
	var answer struct {
		Limits string
		Lifted int
	}
	if status != http.StatusOK || json.Unmarshal(body, &answer) != nil {
		return fmt.Errorf("%s answers %d: ask on the server's own machine, at a loopback address without a proxy between, with its key file and the same clock", base, status)
	}
	if r.json {
		return r.out.JSONText(body)
	}
	where := "on this server"
	if answer.Limits == "shared" {
		where = "on all servers"
	}
	r.out.Line("%s of %s lifted, %s.", output.Count(answer.Lifted, "lock"), account, where)
	return nil
}

func (r *run) showLimits(at string) error {
	keys, err := node.ReadKeys(r.config)
	if err != nil {
		return fmt.Errorf("the key file shows the server who asks: %w", err)
	}
	proof, err := node.NewLook(keys, time.Now())
	if err != nil {
		return err
	}
	base, status, body, err := r.ask(at, "/limits", nil, node.LookHeader, proof)
	if err != nil {
		return err
	}
	var answer struct {
		Limits string
		Held   []struct {
			Account, Network string
			Known            bool `json:"known_devices"`
			Locks            int
			Until            time.Time
		}
		More int
	}
	if status != http.StatusOK || json.Unmarshal(body, &answer) != nil {
		return fmt.Errorf("%s answers %d: ask on the server's own machine, at a loopback address without a proxy between, with its key file and the same clock", base, status)
	}
	if r.json {
		return r.out.JSONText(body)
	}
	if answer.Limits == "off" {
		r.out.Line("The limits are off: --login-limit off.")
		return nil
	}
	rows := make([][]string, len(answer.Held))
	for i, h := range answer.Held {
		account, network := h.Account, h.Network
		if account == "" {
			account = "every account"
		}
		if network == "" {
			network = "everywhere"
		}
		if h.Known {
			network += ", known devices"
		}
		rows[i] = []string{account, network, strconv.Itoa(h.Locks), h.Until.Format(time.RFC3339)}
	}
	r.out.Table([]string{"ACCOUNT", "FROM", "LOCKS", "UNTIL"}, rows)
	if answer.More > 0 {
		r.out.Line("… and %d more", answer.More)
	}
	return nil
}
