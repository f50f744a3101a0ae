package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/cmd/durin/internal/output"
	"github.com/durin-go/durin/password"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// confirmable adds --yes to a command that ends something for good.
func confirmable(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolP("yes", "y", false, "do not ask")
	return cmd
}

// confirm asks whether to go on. Where nobody can be asked the answer is no.
func (r *run) confirm(question string) error { return r.confirmed(question, "nothing was deleted") }

// confirmed asks as confirm does; nothing is what was not done if the answer is
// no.
func (r *run) confirmed(question, nothing string) error {
	if yes, _ := r.cmd.Flags().GetBool("yes"); yes {
		return nil
	}
	if !output.IsTerminal(r.In) {
		return refusal{errors.New(nothing + ": there is no terminal to ask on; --yes answers for scripts")}
	}
	_, _ = fmt.Fprintf(r.Err, "%s [y/N] ", output.Clean(question))
	answer, _ := bufio.NewReader(r.In).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return refusal{errors.New(nothing)}
}

// deleted tells what is gone: {"deleted": name} for programs.
func (r *run) deleted(kind, name string) error {
	if r.json {
		return r.out.JSON(map[string]string{"deleted": name})
	}
	r.out.Line("%s %s deleted.", kind, name)
	return nil
}

// newPassword gets a password for the user: from standard input when told so,
// from whoever sits at the terminal otherwise, who types it twice.
func (r *run) newPassword(user string) (durin.Secret, error) {
	var pw durin.Secret
	var err error
	if fromStdin, _ := r.cmd.Flags().GetBool("password-stdin"); fromStdin {
		pw, err = readPassword(r.In)
	} else {
		pw, err = r.askPassword()
	}
	if err != nil {
		return "", err
	}
	return pw, node.CheckPassword(r.config, pw, user)
}

// readPassword takes everything but the line break at its end.
func readPassword(in io.Reader) (durin.Secret, error) {
	raw, err := io.ReadAll(io.LimitReader(in, password.MaxBytes+3))
	if err != nil {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	if text == "" {
		return "", errors.New("there is no password on standard input")
	}
	if strings.ContainsAny(text, "\r\n") && len(text) <= password.MaxBytes {
		return "", errors.New("there is more than one line on standard input: the password is the only one")
	}
	return durin.Secret(text), nil
}

func (r *run) askPassword() (durin.Secret, error) {
	f, ok := r.In.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return "", refusal{errors.New("there is no terminal to ask for the password on: give it with --password-stdin")}
	}
	first, err := r.askOnce(f, "Password: ")
	if err != nil {
		return "", err
	}
	second, err := r.askOnce(f, "Password (again): ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errors.New("the two passwords differ: nothing was done")
	}
	return first, nil
}

func (r *run) askOnce(f *os.File, prompt string) (durin.Secret, error) {
	_, _ = io.WriteString(r.Err, prompt)
	text, err := term.ReadPassword(int(f.Fd()))
	_, _ = io.WriteString(r.Err, "\n")
	return durin.Secret(text), err
}
