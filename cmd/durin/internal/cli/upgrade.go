package cli

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"

	"github.com/durin-go/durin/cmd/durin/internal/serve"
	"github.com/durin-go/durin/cmd/durin/internal/sockets"
	"github.com/durin-go/durin/cmd/durin/internal/systemd"
)

// An upgrader starts the program anew when it is asked to, and hands its sockets
// over.
type upgrader struct {
	program sockets.Program
	set     *sockets.Set
	manager systemd.Manager
	log     *slog.Logger
	asked   chan os.Signal
}

func newUpgrader(set *sockets.Set, manager systemd.Manager, log *slog.Logger) (*upgrader, error) {
	program, err := sockets.ThisProgram()
	if err != nil {
		return nil, err
	}
	u := &upgrader{program: program, set: set, manager: manager, log: log, asked: make(chan os.Signal, 1)}
	signal.Notify(u.asked, sockets.Upgrade)
	return u, nil
}

// follow waits for the signal until ctx ends. When another process has taken
// over it ends ctx by leave.
func (u *upgrader) follow(ctx context.Context, leave context.CancelCauseFunc) {
	defer signal.Stop(u.asked)
	for {
		select {
		case <-ctx.Done():
			return
		case <-u.asked:
		}
		u.log.Info("starting the program anew, to hand over to it")
		u.tell(u.manager.Reloading())
		pid, err := u.set.HandOver(ctx, u.program)
		if err == nil {
			u.log.Info("handed over", "to", pid)
			u.tell(u.manager.Replaced(pid))
			leave(serve.ErrHandedOver)
			return
		}
		u.log.Error("the upgrade failed; this process serves on", "error", err)
		u.tell(u.manager.NotReplaced())
	}
}

// tell logs what kept the service manager from hearing something.
func (u *upgrader) tell(err error) {
	if err != nil {
		u.log.Warn("the service manager cannot be told", "error", err)
	}
}

// removePIDFile deletes the file unless another process has written its own id
// meanwhile.
func removePIDFile(path string) {
	text, err := os.ReadFile(path)
	if err == nil && strings.TrimSpace(string(text)) == strconv.Itoa(os.Getpid()) {
		_ = os.Remove(path)
	}
}
