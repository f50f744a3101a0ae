package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/password"
	"github.com/spf13/cobra"
)

func (a *app) users() *cobra.Command {
	return noun("user", "Users: who may log in",
		a.userCreate(), a.userList(), a.userShow(), a.userUpdate(), a.userPassword(), a.userDelete())
}

func (a *app) userCreate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Add a user",
		Long:  "Add a user. The password is asked for on the terminal, or read from standard input.",
		Example: `  durin user create ada
  echo "$PASSWORD" | durin user create ada --admin --password-stdin`,
		Args: cobra.ExactArgs(1),
		RunE: a.do(createUser),
	}
	cmd.Flags().Bool("admin", false, "let the user administer")
	cmd.Flags().Bool("password-stdin", false, "read the password from standard input")
	return cmd
}

func createUser(r *run) error {
	u := durin.User{Name: strings.TrimSpace(r.args[0]), Active: true, Created: time.Now()}
	u.Admin, _ = r.cmd.Flags().GetBool("admin")
	if err := u.Validate(); err != nil {
		return told("Can't create user!", err)
	}
	pw, err := r.newPassword(u.Name)
	if err != nil {
		return told("Can't create user!", err)
	}
	return r.with(node.Change, false, func(n *node.Node) error {
		if u.Password, err = n.Hasher.Hash(r.ctx, pw); err != nil {
			return err
		}
		u, err := n.Guard.CreateUser(r.ctx, u)
		if errors.Is(err, durin.ErrExists) {
			err = &durin.FieldError{Field: "name", Message: "user with this name already exists."}
		}
		if err != nil {
			return told("Can't create user!", err)
		}
		if r.json {
			return r.out.JSON(userJSON(u))
		}
		r.out.Line("User %s created!", u.Name)
		return nil
	})
}

func (a *app) userList() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the users",
		Long: `List the users. With --hash-kind count how many passwords are hashed in which way:
imported hashes become argon2id at their user's next login. With --hash-kind=KIND
list the users of one way.`,
		Example: `  durin user list --json
  durin user list --hash-kind
  durin user list --hash-kind=pbkdf2_sha256`,
		Args: cobra.NoArgs,
		RunE: a.do(func(r *run) error {
			return r.with(node.Look, false, func(n *node.Node) error {
				if kind, _ := r.cmd.Flags().GetString("hash-kind"); kind != "" {
					return r.listByHash(n, kind)
				}
				all, err := allUsers(r, n)
				if err != nil {
					return err
				}
				return r.showUsers(all)
			})
		}),
	}
	addHashKind(cmd)
	return cmd
}

func allUsers(r *run, n *node.Node) ([]durin.User, error) {
	var all []durin.User
	err := r.eachUser(n, func(u durin.User) { all = append(all, u) })
	return all, err
}

func (r *run) showUsers(all []durin.User) error {
	if r.json {
		list := make([]userFields, 0, len(all))
		for _, u := range all {
			list = append(list, userJSON(u))
		}
		return r.out.JSON(list)
	}
	var rows [][]string
	for _, u := range all {
		rows = append(rows, []string{u.ID, u.Name, yesNo(u.Active), yesNo(u.Admin), instant(u.Created, "-"), instant(u.LastLogin, "never")})
	}
	r.out.Table([]string{"id", "name", "active", "admin", "created", "last login"}, rows)
	return nil
}

func (a *app) userShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show NAME",
		Short:   "Show a user",
		Example: "  durin user show ada",
		Args:    cobra.ExactArgs(1),
		RunE: a.do(func(r *run) error {
			return r.with(node.Look, false, func(n *node.Node) error {
				u, err := n.Store.UserByName(r.ctx, r.args[0])
				if err != nil {
					return missing(err, "user", r.args[0])
				}
				if r.json {
					return r.out.JSON(userJSON(u))
				}
				r.out.Line("id          %s", u.ID)
				r.out.Line("name        %s", u.Name)
				r.out.Line("active      %s", yesNo(u.Active))
				r.out.Line("admin       %s", yesNo(u.Admin))
				r.out.Line("password    %s", password.Kind(u.Password))
				r.out.Line("created     %s", instant(u.Created, "-"))
				r.out.Line("last login  %s", instant(u.LastLogin, "never"))
				return nil
			})
		}),
	}
}

func (a *app) userUpdate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "update NAME",
		Short: "Change a user; sessions follow at once",
		Long:  "Change a user; sessions follow at once. A new password ends all of them, API keys too.",
		Example: `  durin user update ada --deactivate
  durin user update ada --activate --admin`,
		Args: cobra.ExactArgs(1),
		RunE: a.do(updateUser),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Bool("activate", false, "let the user log in and use tokens")
	flags.Bool("deactivate", false, "refuse the user's logins and tokens")
	flags.Bool("admin", false, "let the user administer")
	flags.Bool("no-admin", false, "let the user administer no longer")
	flags.Bool("password-stdin", false, "read a new password from standard input")
	flags.String("name", "", "a new name")
	addKeep(cmd)
	cmd.MarkFlagsMutuallyExclusive("activate", "deactivate")
	cmd.MarkFlagsMutuallyExclusive("admin", "no-admin")
	return cmd
}

func updateUser(r *run) error {
	flags := r.cmd.Flags()
	if !changed(flags, "activate", "deactivate", "admin", "no-admin", "password-stdin", "name") {
		return refusal{errors.New("nothing to change: name a flag")}
	}
	for name, opposite := range map[string]string{"admin": "no-admin", "no-admin": "admin", "activate": "deactivate", "deactivate": "activate"} {
		if v, _ := flags.GetBool(name); flags.Changed(name) && !v {
			return refusal{fmt.Errorf("--%s=false would change nothing: write --%s", name, opposite)}
		}
	}
	given := func(name string) bool { v, _ := flags.GetBool(name); return v }
	name := strings.TrimSpace(r.args[0])
	if flags.Changed("name") {
		text, _ := flags.GetString("name")
		name = strings.TrimSpace(text)
	}
	var pw durin.Secret
	if given("password-stdin") {
		var err error
		if pw, err = r.newPassword(name); err != nil {
			return told("Can't change user!", err)
		}
	}
	return r.changeUser(pw, func(u *durin.User) {
		if flags.Changed("name") {
			u.Name = name
		}
		u.Active = (u.Active || given("activate")) && !given("deactivate")
		u.Admin = (u.Admin || given("admin")) && !given("no-admin")
	})
}

// changeUser changes the user that the arguments name, and its password if there
// is a new one.
func (r *run) changeUser(pw durin.Secret, change func(*durin.User)) error {
	return r.with(node.Look, false, func(n *node.Node) error {
		u, err := n.Store.UserByName(r.ctx, r.args[0])
		if err != nil {
			return missing(err, "user", r.args[0])
		}
		hash := ""
		if pw != "" {
			if hash, err = n.Hasher.Hash(r.ctx, pw); err != nil {
				return err
			}
		}
		u, err = n.Guard.UpdateUser(r.ctx, u.ID, func(u *durin.User) error {
			change(u)
			if hash != "" {
				u.Password = hash
			}
			return nil
		})
		ended := 0
		if err == nil && hash != "" {
			ended, err = r.endWithPassword(n, u)
		}
		if errors.Is(err, durin.ErrExists) {
			err = &durin.FieldError{Field: "name", Message: "user with this name already exists."}
		}
		if err != nil {
			return told("Can't change user!", missing(err, "user", r.args[0]))
		}
		if r.json {
			return r.out.JSON(userJSON(u))
		}
		r.out.Line("User %s changed.", u.Name)
		if ended > 0 {
			r.out.Line("Tokens ended: %d.", ended)
		}
		return nil
	})
}

// addKeep adds the flags that say what a new password leaves alone.
func addKeep(cmd *cobra.Command) {
	cmd.Flags().String("spare", "", "with a new password: keep the tokens of this client, like that of API keys")
	cmd.Flags().Bool("keep-tokens", false, "with a new password: end no token")
	cmd.MarkFlagsMutuallyExclusive("spare", "keep-tokens")
}

// endWithPassword ends what was opened with the password that u had before.
func (r *run) endWithPassword(n *node.Node, u durin.User) (int, error) {
	if keep, _ := r.cmd.Flags().GetBool("keep-tokens"); keep {
		return 0, nil
	}
	spare, _ := r.cmd.Flags().GetString("spare")
	return n.Guard.End(r.ctx, durin.Selection{UserID: u.ID, Spare: spare})
}

func (a *app) userPassword() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "password NAME",
		Short: "Set a user's password",
		Long: `Set a user's password, asked for on the terminal or read from standard input.
All tokens of the user are ended, API keys too, but those that the flags keep.`,
		Example: `  durin user password ada
  durin user password ada --spare apikey`,
		Args: cobra.ExactArgs(1),
		RunE: a.do(func(r *run) error {
			pw, err := r.newPassword(r.args[0])
			if err != nil {
				return told("Can't change user!", err)
			}
			return r.changeUser(pw, func(*durin.User) {})
		}),
	}
	cmd.Flags().Bool("password-stdin", false, "read the password from standard input")
	addKeep(cmd)
	return cmd
}

func (a *app) userDelete() *cobra.Command {
	return confirmable(&cobra.Command{
		Use:     "delete NAME",
		Short:   "Delete a user and end the user's tokens",
		Example: "  durin user delete ada --yes",
		Args:    cobra.ExactArgs(1),
		RunE: a.do(func(r *run) error {
			name := r.args[0]
			if err := r.confirm("Delete the user " + name + " and end all its tokens?"); err != nil {
				return err
			}
			return r.with(node.Look, false, func(n *node.Node) error {
				u, err := n.Store.UserByName(r.ctx, name)
				if err == nil {
					err = n.Guard.DeleteUser(r.ctx, u.ID)
				}
				if err != nil {
					return missing(err, "user", name)
				}
				return r.deleted("User", name)
			})
		}),
	})
}

// userFields are a user in JSON. The hash is left out; its kind is told.
type userFields struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Active    bool       `json:"active"`
	Admin     bool       `json:"admin"`
	Password  string     `json:"password_kind"`
	Created   *time.Time `json:"created"`
	LastLogin *time.Time `json:"last_login"`
}

func userJSON(u durin.User) userFields {
	return userFields{u.ID, u.Name, u.Active, u.Admin, password.Kind(u.Password), orNil(u.Created), orNil(u.LastLogin)}
}
