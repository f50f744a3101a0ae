// Package node puts a running copy of Durin together: configuration, database,
// keys, guard. The server is a node, and every command is one for a moment.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"sync/atomic"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/cmd/durin/internal/config"
	"github.com/durin-go/durin/cmd/durin/internal/database"
	"github.com/durin-go/durin/cmd/durin/internal/metrics"
	"github.com/durin-go/durin/cmd/durin/internal/tracing"
	"github.com/durin-go/durin/internal/span"
	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/loginlimit"
	"github.com/durin-go/durin/password"
	"github.com/durin-go/durin/sqlstore"
)

// A Purpose says what a node is for, and so what it may make on its way.
type Purpose int

const (
	// Look makes nothing.
	Look Purpose = iota
	// Change may make a SQLite file and bring its schema up to date. On a
	// server that is for serve and migrate only.
	Change
	// Serve brings the schema up to date wherever it is.
	Serve
)

// Options say how Open goes about it.
type Options struct {
	Config  *config.Config
	Purpose Purpose
	// Keys says that tokens are sealed or shown: the keys are read, and made
	// where there never were any, unless the Purpose is Look.
	Keys bool
	// Log hears of trouble. Say hears, in sentences, of what was made.
	Log *slog.Logger
	Say func(sentence string)
	// Hashing makes the command of the process that computes a server's
	// password hashes. Nil: the node does.
	Hashing func() *exec.Cmd
	// Metrics and Trace are told what the node does. Nil: nobody is.
	Metrics *metrics.Metrics
	Trace   *tracing.Tracer
}

// StaleBound is the Guard's default, which the program keeps to.
const StaleBound = time.Second

// A Node is opened and ready.
type Node struct {
	Config   *config.Config
	Database *database.Handle
	Store    *sqlstore.Store
	Keys     *keyring.Ring // as they were at the start; nil: none
	Hasher   *password.Hasher
	Guard    *durin.Guard
	Shared   *Shared          // of Serve
	Logins   *Logins          // nil: no limits
	Metrics  *metrics.Metrics // nil: none
	Trace    *tracing.Tracer  // nil: none
	Audit    *audit.Log       // nil: off
	// Leaving says that the node is about to stop: it works, and asks not to
	// be given more.
	Leaving atomic.Bool

	hasKeys  atomic.Bool
	madeKeys bool // there were none before
}

// Open puts a node together. What it has opened is closed again if it fails.
func Open(ctx context.Context, o Options) (_ *Node, err error) {
	n := &Node{Config: o.Config, Metrics: o.Metrics, Trace: o.Trace}
	defer func() {
		if err != nil {
			_ = n.Close(ctx)
		}
	}()
	if o.Purpose == Serve { // before there is a file
		if err := checkDenylist(o.Config); err != nil {
			return nil, err
		}
	}
	if err := n.openStore(ctx, o); err != nil {
		return nil, err
	}
	if o.Keys {
		if err := n.openKeys(ctx, o); err != nil {
			return nil, err
		}
	}
	n.hasKeys.Store(n.Keys != nil)
	if err := n.openAudit(ctx, o); err != nil {
		return nil, err
	}
	if n.Hasher, err = newHasher(o); err != nil {
		return nil, err
	}
	if o.Purpose == Serve {
		if n.Shared, err = n.openShared(ctx, o); err != nil {
			return nil, err
		}
	}
	if n.Guard, err = durin.New(ctx, n.guardOptions(o)); err != nil {
		return nil, err
	}
	n.watch()
	return n, nil
}

func (n *Node) openStore(ctx context.Context, o Options) error {
	target, err := database.Parse(o.Config.DB)
	if err != nil {
		return err
	}
	if n.Database, err = database.Open(target, o.Purpose != Look); err != nil {
		return err
	}
	n.Database.KeepUsage = o.Config.UsageRetention
	if o.Config.UsageRetention == span.Never {
		n.Database.KeepUsage = -1
	}
	n.Database.Observe = o.observer(metrics.Database)
	if o.Purpose == Serve || o.Purpose == Change && target.IsFile() {
		steps, err := n.Database.Migrate(ctx)
		if err != nil {
			return err
		}
		if len(steps) > 0 && o.Say != nil {
			o.Say(fmt.Sprintf("Brought the schema of %s up to version %d.", target, steps[len(steps)-1].Version))
		}
	}
	n.Store, err = n.Database.Store(ctx)
	if errors.Is(err, sqlstore.ErrSchema) {
		return fmt.Errorf("%w: run durin migrate", err)
	}
	return err
}

// guardOptions are the settings as the Guard has them.
func (n *Node) guardOptions(o Options) durin.Options {
	c := o.Config
	opt := durin.Options{
		Store: n.Store, Users: n.Store, Keyring: n.Keys,
		Authenticator: observeUsers(password.NewUsers(n.Store, n.Hasher, password.UsersOptions{Logger: o.Log}), o.observer(metrics.Password)),
		LoginNames:    c.LoginNames, TokenTTL: c.TokenTTL, TokenLength: c.TokenLength, TokenPrefix: c.TokenPrefix, Schemes: c.AuthSchemes,
		CookieName: c.CookieName, CacheTTL: orOff(c.CacheTTL), RefreshOnLogin: c.RefreshOnLogin, DefaultRate: c.Throttle,
		TrustedProxies: c.TrustedProxies, PruneAfter: pruneAfter(c.PruneAfter), Logger: o.Log,
	}
	if u := c.PublicURL; u != nil {
		opt.TrustedOrigins = []string{u.Scheme + "://" + u.Host}
	}
	if c.CORSCredentials {
		opt.TrustedOrigins = append(opt.TrustedOrigins, c.CORSOrigins...)
	}
	if n.Keys == nil {
		opt.ReuseWithoutKey = durin.PolicyReplace
	}
	opt.LoginLimiter = loginlimit.Off()
	if n.Logins = n.newLogins(); n.Logins != nil {
		opt.LoginLimiter = n.Logins
	}
	if o.Purpose != Serve {
		opt.PruneAfter = -1
	}
	opt.Hooks = n.Audit.Hooks(opt.Hooks)
	n.Shared.apply(&opt)
	return opt
}

// orOff is d in the Guard's way, where zero stands for the default.
func orOff(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

func pruneAfter(d time.Duration) time.Duration {
	switch d {
	case span.Never:
		return -1
	case 0:
		return time.Nanosecond
	}
	return d
}

// Close writes what the guard has gathered and closes everything; ctx bounds
// it.
func (n *Node) Close(ctx context.Context) error {
	var faults []error
	n.Metrics.Close()
	if n.Guard != nil {
		faults = append(faults, n.Guard.Close(ctx))
	}
	if n.Hasher != nil {
		n.Hasher.Close()
	}
	n.Shared.close()
	faults = append(faults, n.Audit.Close(ctx))
	if n.Store != nil {
		faults = append(faults, n.Store.Close())
	}
	if n.Database != nil {
		faults = append(faults, n.Database.Close())
	}
	return errors.Join(faults...)
}
