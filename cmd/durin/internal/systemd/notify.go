// Package systemd tells a service manager how the server is, as sd_notify(3)
// says.
package systemd

import (
	"net"
	"strconv"
	"strings"
)

// A Manager hears of the server's state. The zero Manager is none, and hears
// nothing.
type Manager struct{ socket string }

// ManagerOf is the one that the environment names, in the form of os.Environ.
func ManagerOf(environ []string) Manager {
	for _, entry := range environ {
		if socket, ok := strings.CutPrefix(entry, "NOTIFY_SOCKET="); ok {
			return Manager{socket}
		}
	}
	return Manager{}
}

// Ready tells that the server serves.
func (m Manager) Ready() error { return m.tell("READY=1", "STATUS=serving") }

// Reloading tells that another process is being started to take the place of
// this one. Ready or Replaced follow.
func (m Manager) Reloading() error {
	return m.tell("RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(monotonic(), 10), "STATUS=starting the new process")
}

// NotReplaced tells that the other process failed, and this one serves on.
func (m Manager) NotReplaced() error {
	return m.tell("READY=1", "STATUS=serving; the upgrade failed: see the log")
}

// Replaced tells that the process pid serves in the place of this one.
func (m Manager) Replaced(pid int) error {
	return m.tell("MAINPID="+strconv.Itoa(pid), "READY=1", "STATUS=serving")
}

// Stopping tells that the server ends.
func (m Manager) Stopping() error { return m.tell("STOPPING=1", "STATUS=answering the last requests") }

func (m Manager) tell(state ...string) error {
	if m.socket == "" {
		return nil
	}
	// A name that begins with @ is abstract: package net writes it so, too.
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_, err = conn.Write([]byte(strings.Join(state, "\n") + "\n"))
	return err
}
