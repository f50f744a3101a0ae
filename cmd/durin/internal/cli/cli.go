// Package cli is the program's command line.
//
// Exit status: 0 done, 1 failed, 2 not understood or not confirmed, 3 not certain.
// What scripts
// read goes to standard output, everything else to standard error.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/cmd/durin/internal/config"
	"github.com/durin-go/durin/cmd/durin/internal/database"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/cmd/durin/internal/output"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const (
	exitFailed    = 1
	exitUsage     = 2
	exitUncertain = 3
)

// A World is what a command sees of the system.
type World struct {
	In       io.Reader
	Out, Err io.Writer
	Environ  []string
}

// System is the process's own.
func System() World {
	return World{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Environ: config.Environ()}
}

// noColour follows the convention of no-color.org.
func (w World) noColour() bool {
	for _, entry := range w.Environ {
		if name, value, _ := strings.Cut(entry, "="); name == "NO_COLOR" && value != "" || entry == "TERM=dumb" {
			return true
		}
	}
	return false
}

// Main runs the command that args tell and returns the exit status.
func Main(args []string, w World) int {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup wants
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()
	go func() { // a second signal ends the program at once
		<-ctx.Done()
		stop()
	}()
	root := newRoot(w)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	return report(w, cmd, err)
}

// A failure is an error of a command that was understood.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// A refusal is the answer to what was not confirmed, or makes no sense.
type refusal struct{ error }

// An uncertainty is the answer of a check that found nothing wrong, and could not
// look at everything.
type uncertainty struct{ error }

// report tells err, of cmd, and returns the exit status.
func report(w World, cmd *cobra.Command, err error) int {
	if err == nil {
		return 0
	}
	if log := serving(w, cmd); log != nil {
		log.Error("durin cannot go on", "error", strings.TrimPrefix(cause(err).Error(), "durin: "), "version", buildVersion().Version)
		return status(err)
	}
	_, _ = fmt.Fprintln(w.Err, "durin: "+output.CleanLines(strings.TrimPrefix(cause(err).Error(), "durin: ")))
	if !understood(err) {
		_, _ = fmt.Fprintf(w.Err, "Try %s --help.\n", cmd.CommandPath())
	}
	return status(err)
}

// status is the exit status that goes with err.
func status(err error) int {
	var failed failure
	var uncertain uncertainty
	switch {
	case errors.As(err, &uncertain):
		return exitUncertain
	case errors.As(err, &failed) && !errors.As(err, new(refusal)):
		return exitFailed
	}
	return exitUsage
}

// understood reports an error of a command that could be read.
func understood(err error) bool {
	return errors.As(err, new(failure)) || errors.As(err, new(refusal)) || errors.As(err, new(uncertainty))
}

// serving is the log of a server that was to start, if it is JSON: what collects
// its lines reads nothing else. Nil: errors are for people.
func serving(w World, cmd *cobra.Command) *slog.Logger {
	if cmd == nil || cmd.Name() != "serve" {
		return nil
	}
	c, _, _ := config.Load(config.Sources{Flags: cmd.Flags(), Environ: w.Environ})
	r := (&app{World: w}).newRun(cmd, nil, c)
	if !r.logsJSON() {
		return nil
	}
	return r.log()
}

// cause is what stands behind an outage: who types commands mends it, and is not
// asked to try again shortly.
func cause(err error) error {
	if !errors.Is(err, durin.ErrUnavailable) {
		return err
	}
	var parts interface{ Unwrap() []error } // an Error with a cause, or ErrUnavailable joined with one
	if !errors.As(err, &parts) {
		return err
	}
	behind := parts.Unwrap()
	if len(behind) < 2 || !errors.Is(behind[0], durin.ErrUnavailable) {
		return err
	}
	return behind[len(behind)-1]
}

func newRoot(w World) *cobra.Command {
	root := &cobra.Command{
		Use:   "durin",
		Short: "Token authentication per API client",
		Long: `Durin is token authentication per API client: a user has many tokens, one for
each kind of program that calls your API, each with its own life time and rules.

Settings come from flags, from the environment (--token-ttl is DURIN_TOKEN_TTL)
and from a TOML file (--config), in that order of precedence.`,
		Example: `  durin serve
  durin client create web --ttl 14d
  durin user create ada`,
		SilenceErrors: true, SilenceUsage: true,
	}
	root.SetIn(w.In)
	root.SetOut(w.Out)
	root.SetErr(w.Err)
	config.Bind(root.PersistentFlags(), config.Common)
	root.PersistentFlags().Bool("json", false, "write JSON")
	root.PersistentFlags().SortFlags = false
	a := &app{World: w}
	root.AddCommand(a.serve(), a.migrate(), a.clients(), a.users(), a.tokens(), a.resources(), a.imports(), a.export(), a.backup(), a.restore(), a.keys(), a.audits(), a.doctor(), a.health(), a.limits(), a.version(), a.completion(), a.man(), a.hashing())
	explainArgs(root)
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return fmt.Errorf("%s: %w", cmd.CommandPath(), err) })
	return root
}

// An app is what all commands share.
type app struct{ World }

// A run is one command under way.
type run struct {
	*app
	ctx    context.Context
	cmd    *cobra.Command
	args   []string
	config *config.Config
	out    *output.Printer
	err    *output.Printer
	json   bool
}

// do is cobra's RunE around a command's work.
func (a *app) do(work func(*run) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, warnings, err := config.Load(config.Sources{Flags: cmd.Flags(), Environ: a.Environ})
		r := a.newRun(cmd, args, c)
		r.warn(warnings)
		if err != nil {
			return refusal{err}
		}
		if err := work(r); err != nil {
			return failure{r.explained(err)}
		}
		return nil
	}
}

// explained puts a driver's words into ours.
func (r *run) explained(err error) error {
	target, unknown := database.Parse(r.config.DB)
	if unknown != nil {
		return err
	}
	return target.Explain(cause(err))
}

func (a *app) newRun(cmd *cobra.Command, args []string, c *config.Config) *run {
	json, _ := cmd.Flags().GetBool("json")
	return &run{
		app: a, ctx: audit.WithActor(cmd.Context(), commander()), cmd: cmd, args: args, config: c, json: json,
		out: output.New(a.Out, a.noColour()), err: output.New(a.Err, a.noColour()),
	}
}

func (r *run) warn(warnings []string) {
	tell := func(format string, args ...any) { r.err.Line("durin: "+format, args...) }
	if r.cmd.Name() == "serve" && r.logsJSON() {
		log := r.log()
		tell = func(format string, args ...any) { log.Warn(fmt.Sprintf(format, args...)) }
	}
	for _, w := range warnings {
		tell("%s", w)
	}
	for _, name := range []string{"db", "redis", "notify"} {
		if f := r.cmd.Flags().Lookup(name); f != nil && f.Changed && database.HasPassword(f.Value.String()) {
			tell("the password in --%s can be seen by everybody on this machine; give it in DURIN_%s or the configuration file", name, strings.ToUpper(name))
		}
	}
}

// node opens what the command works on.
func (r *run) node(purpose node.Purpose, keys bool) (*node.Node, error) {
	return node.Open(r.ctx, node.Options{
		Config: r.config, Purpose: purpose, Keys: keys, Log: r.log(),
		Say: func(sentence string) { r.err.Line("%s", sentence) },
	})
}

// with opens the node, works on it, and closes it.
func (r *run) with(purpose node.Purpose, keys bool, work func(*node.Node) error) error {
	n, err := r.node(purpose, keys)
	if err != nil {
		return err
	}
	err = work(n)
	return errors.Join(err, n.Close(context.WithoutCancel(r.ctx)))
}

// noun makes a command that only holds others.
func noun(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return fmt.Errorf("%s needs one of: %s", cmd.CommandPath(), verbs(cmd))
	}}
	c.AddCommand(commands...)
	return c
}

// explainArgs has the errors of arguments say what to write instead, for all
// commands below cmd.
func explainArgs(cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		explainArgs(c)
		check := c.Args
		c.SuggestionsMinimumDistance = 2
		c.Args = func(c *cobra.Command, args []string) error {
			err := check(c, args)
			switch {
			case err == nil:
				return nil
			case cobra.OnlyValidArgs(c, args) != nil: // which one is wrong
				return err
			case !c.HasSubCommands():
				return fmt.Errorf("%s given; write: %s", output.Count(len(args), "argument"), c.UseLine())
			}
			if near := c.SuggestionsFor(args[0]); len(near) > 0 {
				return fmt.Errorf("unknown command %q: did you mean %s %s?", args[0], c.CommandPath(), near[0])
			}
			return fmt.Errorf("unknown command %q; %s has: %s", args[0], c.CommandPath(), verbs(c))
		}
	}
}

func verbs(cmd *cobra.Command) string {
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	return strings.Join(names, ", ")
}

// changed reports whether any of the named flags was given.
func changed(flags *pflag.FlagSet, names ...string) bool {
	for _, name := range names {
		if flags.Changed(name) {
			return true
		}
	}
	return false
}
