package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/cmd/durin/internal/output"
	"github.com/durin-go/durin/keyring"
	"github.com/spf13/cobra"
)

func (a *app) auditVerify() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that the audit log is as it was written",
		Long: `Check that the audit log is as it was written: that no row was changed, removed,
added or moved, and that no chain was cut off. It needs the key file. The marks that
it prints say how far each chain is now; kept where nobody who can write the
database reaches them, and given with --mark later, they show that the chain was
not set back.

Rows that bear a key which is not in the key file were changed, unless a row that can
be checked speaks of that key. Tell the id of a key that you know was lost with
--lost-key.

Exit status: 0 the log is as it was written, 1 it is not, 3 nothing is wrong with
what could be checked, but a key is missing.`,
		Example: `  durin audit verify
  durin audit verify --json
  durin audit verify --mark node1:3456:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08`,
		Args: cobra.NoArgs,
		RunE: a.do(verifyAudit),
	}
	cmd.Flags().StringArray("lost-key", nil, "the id of a key that the log was once written with, and that is lost")
	cmd.Flags().StringArray("mark", nil, "what an earlier check printed of a chain: CHAIN:SEQ:HASH")
	return cmd
}

func verifyAudit(r *run) error {
	given, _ := r.cmd.Flags().GetStringArray("mark")
	var marks []audit.Mark
	for _, text := range given {
		m, err := audit.ParseMark(text)
		if err != nil {
			return refusal{fmt.Errorf("--mark: %q is not in the form CHAIN:SEQ:HASH", text)}
		}
		marks = append(marks, m)
	}
	lost, _ := r.cmd.Flags().GetStringArray("lost-key")
	keys, err := node.ReadKeys(r.config)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return r.with(node.Look, false, func(n *node.Node) error {
		told := r.teller()
		report, err := audit.Verify(r.ctx, n.Store, audit.VerifyOptions{Keyring: keys, Marks: marks, LostKeys: lost, Progress: func(done, total int64) {
			told.tell("%s", bar(done, total))
		}})
		told.end()
		if err != nil {
			return err
		}
		return r.showVerified(report, keys)
	})
}

// bar is a progress bar.
func bar(done, total int64) string {
	const width = 30
	part := int64(width)
	percent := int64(100)
	if total > 0 {
		part, percent = min(done, total)*width/total, min(done, total)*100/total
	}
	return fmt.Sprintf("[%s%s] %3d %%, %d rows", strings.Repeat("#", int(part)), strings.Repeat(".", int(width-part)), percent, done)
}

// verifiedChain is a chain in JSON.
type verifiedChain struct {
	Chain    string           `json:"chain"`
	Rows     int64            `json:"rows"`
	First    int64            `json:"first"`
	Last     int64            `json:"last"`
	Mark     string           `json:"mark,omitempty"`
	LostKeys map[string]int64 `json:"lost_keys,omitempty"`
	Signed   bool             `json:"signed"`
}

func (r *run) showVerified(report *audit.Report, keys *keyring.Ring) error {
	chains := make([]verifiedChain, 0, len(report.Chains))
	faults := make([]string, 0, len(report.Faults))
	var rows [][]string
	for _, c := range report.Chains {
		one := verifiedChain{c.Head.Chain, c.Rows, c.First, c.Head.Seq, "", c.Lost, !c.Unsigned && c.Unkeyed == 0 && keys != nil}
		if c.Head.Seq > 0 {
			one.Mark = c.Head.String()
		}
		chains = append(chains, one)
		rows = append(rows, []string{one.Chain, strconv.FormatInt(one.Rows, 10), strconv.FormatInt(one.First, 10), strconv.FormatInt(one.Last, 10), yesNo(one.Signed), orDash(one.Mark)})
	}
	for _, f := range report.Faults {
		faults = append(faults, f.String())
	}
	verdict := r.verdict(report, keys)
	if r.json {
		err := r.out.JSON(map[string]any{
			"intact": report.Intact(), "complete": report.Complete() && keys != nil, "rows": report.Rows, "chains": chains,
			"faults": faults, "more_faults": report.MoreFaults,
		})
		return errors.Join(err, verdict)
	}
	r.out.Table([]string{"chain", "rows", "first", "last", "signed", "mark"}, rows)
	for _, f := range faults {
		r.out.Line("%s", f)
	}
	if report.MoreFaults > 0 {
		r.out.Line("and %d more", report.MoreFaults)
	}
	if verdict == nil {
		r.out.Line("%s in %s: the audit log is as it was written.", output.Count(report.Rows, "row"), output.Count(len(report.Chains), "chain"))
	}
	return verdict
}

// verdict is the error that the command ends with.
func (r *run) verdict(report *audit.Report, keys *keyring.Ring) error {
	if !report.Intact() {
		return fmt.Errorf("the audit log is NOT as it was written: changed in %s", output.Count(len(report.Faults)+report.MoreFaults, "place"))
	}
	if keys == nil {
		return uncertainty{fmt.Errorf("there is no key file %s: the hashes fit, but whoever can write the database could have made them", node.KeyFile(r.config))}
	}
	lost, total := map[string]bool{}, int64(0)
	var unsigned, unkeyed []string
	for _, c := range report.Chains {
		for id, n := range c.Lost {
			lost[id], total = true, total+n
		}
		if c.Unsigned {
			unsigned = append(unsigned, c.Head.Chain)
		} else if c.Unkeyed > 0 {
			unkeyed = append(unkeyed, fmt.Sprintf("row %d of %s", c.Unkeyed, c.Head.Chain))
		}
	}
	if total > 0 && report.Keyed == 0 {
		return uncertainty{fmt.Errorf("none of the %d rows that were hashed with a key can be checked: %s are not in the key file %s; it is another than the log was written with, or a new one in the place of one that was lost",
			total, strings.Join(slices.Sorted(maps.Keys(lost)), ", "), node.KeyFile(r.config))}
	}
	if total > 0 {
		return uncertainty{fmt.Errorf("%d rows were hashed with keys that are not in the key file (%s): they cannot be checked; put the keys back to check them",
			total, strings.Join(slices.Sorted(maps.Keys(lost)), ", "))}
	}
	if len(unsigned) > 0 {
		return uncertainty{fmt.Errorf("the end of these chains was written without a key, or with one that is not here: %s; the hashes fit, but whoever can write the database could have made them",
			strings.Join(unsigned, ", "))}
	}
	if len(unkeyed) > 0 {
		return uncertainty{fmt.Errorf("there are rows that were written without a key, up to %s; the hashes fit, but whoever can write the database could have put them in the place of others: "+
			"compare with a mark or an export of then, and give all that write here the key file", strings.Join(unkeyed, ", "))}
	}
	return nil
}
