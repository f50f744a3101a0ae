package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/internal/phc"
	"github.com/spf13/cobra"
)

// countKinds is the value of --hash-kind that counts.
const countKinds = "count"

func addHashKind(cmd *cobra.Command) {
	cmd.Flags().String("hash-kind", "", "count the ways in which passwords are hashed; with =`KIND` list the users of one")
	cmd.Flags().Lookup("hash-kind").NoOptDefVal = countKinds
}

// hashKind is the way in which a user's password is hashed.
func hashKind(u durin.User) phc.Kind {
	hash, err := phc.Parse(u.Password)
	switch {
	case u.Password == "" || errors.Is(err, phc.ErrUnusable):
		return phc.Unusable
	case err != nil && hash.Kind == "":
		return phc.Unknown
	}
	return hash.Kind
}

func (r *run) listByHash(n *node.Node, kind string) error {
	counts := map[phc.Kind]int{}
	var theirs []durin.User
	err := r.eachUser(n, func(u durin.User) {
		k := hashKind(u)
		counts[k]++
		if string(k) == kind {
			theirs = append(theirs, u)
		}
	})
	switch {
	case err != nil:
		return err
	case kind == countKinds:
		return r.showHashes(counts)
	case len(theirs) == 0 && !slices.Contains(phc.Kinds(), phc.Kind(kind)):
		return fmt.Errorf("%q is none of the ways: %s", kind, kindNames())
	}
	return r.showUsers(theirs)
}

func kindNames() string {
	var names []string
	for _, k := range phc.Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

func (r *run) showHashes(counts map[phc.Kind]int) error {
	if r.json {
		return r.out.JSON(counts)
	}
	var kinds []phc.Kind
	for k := range counts {
		kinds = append(kinds, k)
	}
	slices.SortFunc(kinds, func(a, b phc.Kind) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	var rows [][]string
	for _, k := range kinds {
		rows = append(rows, []string{string(k), strconv.Itoa(counts[k])})
	}
	r.out.Table([]string{"hash", "users"}, rows)
	return nil
}

// eachUser calls visit with every user, by name.
func (r *run) eachUser(n *node.Node, visit func(durin.User)) error {
	const page = 1000
	for after := ""; ; {
		some, err := n.Store.Users(r.ctx, after, page)
		if err != nil {
			return err
		}
		for _, u := range some {
			visit(u)
		}
		if len(some) < page {
			return nil
		}
		after = some[len(some)-1].Name
	}
}
