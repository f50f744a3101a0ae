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
	server, err := serve.ListenOn(r.ctx, set, n, log)
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
	about := []any{"addr", server.Addr(), "api", server.URL(), "database", n.Database.Target.String()}
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
	db := ""
	if r.config.DB != "durin.db" {
		db = " --db " + shellWord(r.config.DB)
		if !n.Database.Target.IsFile() {
			db = "" // it is in the environment or the file, best of all
		}
	}
	r.out.Line("Nobody can log in yet. In another terminal, in %s:", workingFolder())
	r.out.Line("  durin client create web%s", db)
	r.out.Line("  durin user create ada%s", db)
	r.out.Line("  curl -d username=ada -d password=YOURS -d client=web %slogin/", server.URL())
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
