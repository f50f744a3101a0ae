package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/cmd/durin/internal/config"
	"github.com/durin-go/durin/cmd/durin/internal/database"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/cmd/durin/internal/serve"
	"github.com/durin-go/durin/cmd/durin/internal/sockets"
	"github.com/durin-go/durin/cmd/durin/internal/systemd"
	"github.com/spf13/cobra"
)

func (a *app) serve() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Start the server",
		Long: `Start the server. With nothing set it makes the SQLite file durin.db and the key
file durin.key, brings the schema up to date, and is ready on 127.0.0.1:8000.

SIGINT, SIGTERM and SIGHUP stop it: requests that are under way are answered first.
SIGUSR2 starts the program anew, from the file that is there then, and hands over
to it without dropping a connection; if the new process does not come to serve,
nothing changes. Sockets that systemd passes (LISTEN_FDS, named main, ops and
verify) are used in the place of addr, ops-addr and verify-addr.`,
		Example: `  durin serve
  durin serve --addr :8000 --public-url https://auth.example.org --trusted-proxies 10.0.0.0/8
  DURIN_DB=postgres://durin:secret@db/durin durin serve --cache-ttl 5m`,
		Args: cobra.NoArgs,
		RunE: a.do(runServe),
	}
	cmd.Flags().SortFlags = false
	config.Bind(cmd.Flags(), config.Serving)
	return cmd
}

// closeTimeout bounds what is written at the end.
const closeTimeout = 10 * time.Second

func runServe(r *run) (err error) {
	log := r.log()
	set, err := sockets.Inherit(r.Environ)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, set.Close()) }()
	if addr := set.Passed(sockets.Ops); addr != "" {
		r.config.OpsAddr = addr
	}
	if addr := set.Passed(sockets.Verify); addr != "" {
		r.config.VerifyAddr = addr
	}
	if everybody := r.config.TrustsEverybody(); len(everybody) > 0 {
		log.Warn("trusted-proxies holds networks that strangers are in: whoever calls from there chooses the address that limits and log see; name the proxies' own addresses",
			"networks", fmt.Sprint(everybody))
	}
	// Before a file is made or a schema changed.
	place, err := serve.Take(r.ctx, set, r.config, log)
	if err != nil {
		return err
	}
	placed := false
	defer func() {
		if !placed {
			err = errors.Join(err, place.Close())
		}
	}()
	options, endTraces, err := r.watched(node.Options{
		Config: r.config, Purpose: node.Serve, Keys: true, Log: log, Hashing: hashingCommand,
		Say: func(sentence string) { log.Info(sentence) },
	})
	if err != nil {
		return err
	}
	n, err := node.Open(r.ctx, options)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), closeTimeout)
		defer cancel()
		n.Audit.Record(r.ctx, audit.Entry{Action: audit.ServerStop})
		err = errors.Join(err, n.Close(ctx))
		endTraces(ctx)
		log.Info("stopped")
	}()
	placed = true
	server, err := serve.New(place, n, log)
	if err != nil {
		return err
	}
	r.recordStart(n)
	following, stop := context.WithCancel(r.ctx)
	defer stop()
	go n.FollowKeys(following, log)
	return r.serveOn(server, set, n, log)
}

// serveOn serves until the signal to stop, or until another process has taken
// over.
func (r *run) serveOn(server *serve.Server, set *sockets.Set, n *node.Node, log *slog.Logger) error {
	manager := systemd.ManagerOf(r.Environ)
	upgrades, err := newUpgrader(set, manager, log)
	if err != nil {
		return err
	}
	if path := r.config.PIDFile; path != "" {
		if err := serve.WriteWhole(path, strconv.Itoa(os.Getpid())+"\n"); err != nil {
			return fmt.Errorf("pid-file: %w", err)
		}
		defer removePIDFile(path)
	}
	if err := server.WriteAddr(); err != nil {
		return err
	}
	ctx, leave := context.WithCancelCause(r.ctx)
	defer leave(nil)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	announce(r, n, server, log)
	upgrades.tell(errors.Join(set.Ready(), manager.Ready()))
	following := make(chan struct{})
	go func() { defer close(following); upgrades.follow(ctx, leave) }()
	stopping := context.AfterFunc(r.ctx, func() { upgrades.tell(manager.Stopping()) })
	defer stopping()
	err = <-ended
	leave(nil)
	<-following
	return err
}

// recordStart takes the settings into the audit log: those that are not the
// default, without passwords.
func (r *run) recordStart(n *node.Node) {
	details := map[string]any{"version": buildVersion().Version}
	for name, text := range r.config.Given {
		details[name] = database.Masked(text)
	}
	n.Audit.Record(r.ctx, audit.Entry{Action: audit.ServerStart, Details: details})
}

// announce tells where the server listens, and a newcomer what to type next.
func announce(r *run, n *node.Node, server *serve.Server, log *slog.Logger) {
	about := []any{"version", buildVersion().Version, "addr", server.Addr(), "api", server.URL(), "database", n.Database.Target.String()}
	if ops := server.OpsAddr(); ops != "" {
		about = append(about, "ops_addr", ops)
	}
	if verify := server.VerifyAddr(); verify != "" {
		about = append(about, "verify_addr", verify)
	}
	log.Info("durin is ready", about...)
	users, err := n.Store.Users(r.ctx, "", 1)
	if err != nil || len(users) > 0 {
		return
	}
	next := r.firstSteps(server, n.Database.Target)
	if r.logsJSON() {
		log.Info("nobody can log in yet", "folder", workingFolder(), "next", next)
		return
	}
	r.out.Line("Nobody can log in yet. In another terminal, in %s:", workingFolder())
	for _, line := range next {
		r.out.Line("  %s", line)
	}
	r.out.Line("Then open %s", server.AdminURL())
}

// firstSteps are the commands that make the first client and user, as they must be
// typed here: on the same database and with the same files as the server.
func (r *run) firstSteps(server *serve.Server, target database.Target) []string {
	var next []string
	flags := ""
	if f := r.cmd.Flags().Lookup("config"); f != nil && f.Changed || r.config.File != "" {
		flags += " --config " + shellWord(r.config.File)
	}
	for _, name := range []string{"db", "key-file", "password-denylist"} {
		text, ok := r.config.Given[name]
		if !ok || r.config.FromFile(name) {
			continue
		}
		if name == "db" && database.HasPassword(text) {
			next = append(next, "export DURIN_DB='"+target.String()+"'    # with the password")
			continue
		}
		flags += " --" + name + " " + shellWord(text)
	}
	return append(next,
		"durin client create web"+flags, "durin user create ada --admin"+flags,
		"curl -d username=ada -d password=YOURS -d client=web "+server.URL()+"login/")
}

func workingFolder() string {
	folder, err := filepath.Abs(".")
	if err != nil {
		return "this folder"
	}
	return folder
}

// shellWord quotes s for a shell where that is needed.
func shellWord(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("./_-+:@%", r)
	}) {
		return fmt.Sprintf("'%s'", strings.ReplaceAll(s, "'", `'\''`))
	}
	return s
}
