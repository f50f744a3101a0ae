// Package sockets gets what the server listens on: addresses of its own, sockets
// that systemd holds for it, or those of the process whose place it takes.
//
// systemd passes sockets as sd_listen_fds(3) says. Their names are Main, Ops and
// Verify, by FileDescriptorName= of the socket unit; of those with another name the
// first is the main one, the second that of ops-addr.
package sockets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// The names of the sockets.
const (
	Main   = "main"
	Ops    = "ops"
	Verify = "verify"
)

const (
	// firstFD is the number of the first file that systemd passes.
	firstFD = 3
	// handOver is the variable in which a process tells the one that takes its
	// place what it got: the numbers of files by their names, and the setting
	// of each address.
	handOver = "LISTEN_HANDOVER"
	// readyName is the file on which the process before waits for a word.
	readyName = "ready"
	// anyAddr stands for the setting of a socket that does not depend on it.
	anyAddr = "*"
)

// A Set is the sockets of a process. The zero Set has inherited none. It is not
// safe for concurrent use.
type Set struct {
	inherited map[string]*inherited
	inUse     []used
	ready     *os.File // to the process before; nil: there is none
}

type inherited struct {
	line net.Listener
	addr string // the setting that it belongs to, or anyAddr
}

// A used socket is listened on.
type used struct {
	name, addr string
	line       net.Listener
}

// Inherit returns what the process was given, by its environment in the form of
// os.Environ.
func Inherit(environ []string) (*Set, error) {
	env := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	s := &Set{inherited: map[string]*inherited{}}
	var err error
	if text := env[handOver]; text != "" {
		err = s.takeOver(text)
	} else if env["LISTEN_PID"] == strconv.Itoa(os.Getpid()) {
		err = s.activated(env["LISTEN_FDS"], env["LISTEN_FDNAMES"])
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the sockets that were passed to this process: %w", err), s.Close())
	}
	return s, nil
}

// activated takes the sockets of systemd.
func (s *Set) activated(count, names string) error {
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 {
		return fmt.Errorf("LISTEN_FDS is %q", count)
	}
	given := strings.Split(names, ":")
	order := []string{Main, Ops}
	var faults []error
	for i := range n {
		name := ""
		if i < len(given) {
			name = given[i]
		}
		if name != Main && name != Ops && name != Verify {
			if name = s.free(order); name == "" {
				faults = append(faults, errors.New("there are more than two without the name main, ops or verify: one is the main address, one that of ops-addr"))
				break
			}
		}
		faults = append(faults, s.take(name, anyAddr, firstFD+i))
	}
	return errors.Join(faults...)
}

// free is the first of names that no socket has, or empty.
func (s *Set) free(names []string) string {
	for _, name := range names {
		if s.inherited[name] == nil {
			return name
		}
	}
	return ""
}

// takeOver takes the sockets of the process before.
func (s *Set) takeOver(text string) error {
	values, err := url.ParseQuery(text)
	if err != nil {
		return fmt.Errorf("%s: %w", handOver, err)
	}
	var faults []error
	for name := range values {
		fd, err := strconv.Atoi(values.Get(name))
		addr, isAddr := strings.CutSuffix(name, ".addr")
		switch {
		case isAddr && addr != "":
		case err != nil:
			faults = append(faults, fmt.Errorf("%s: %q is no number", handOver, values.Get(name)))
		case name == readyName:
			closeOnExec(fd)
			s.ready = os.NewFile(uintptr(fd), name)
		default:
			faults = append(faults, s.take(name, values.Get(name+".addr"), fd))
		}
	}
	return errors.Join(faults...)
}

// take makes a listener of an open file.
func (s *Set) take(name, addr string, fd int) error {
	closeOnExec(fd)
	file := os.NewFile(uintptr(fd), name)
	defer func() { _ = file.Close() }()
	if s.inherited[name] != nil {
		return fmt.Errorf("there are two of the name %s", name)
	}
	line, err := net.FileListener(file)
	if err != nil {
		return fmt.Errorf("the file %d, %s, is no stream socket that listens: %w", fd, name, err)
	}
	s.inherited[name] = &inherited{line, addr}
	return nil
}

// Passed is the address of a socket that systemd holds, by its name; empty if
// there is none.
func (s *Set) Passed(name string) string {
	if s == nil || s.inherited[name] == nil || s.inherited[name].addr != anyAddr {
		return ""
	}
	return s.inherited[name].line.Addr().String()
}

// Listen returns the socket with a name: the one that was inherited, unless the
// address that is set is another one now, or a new one at addr.
func (s *Set) Listen(ctx context.Context, name, addr string) (net.Listener, error) {
	if from := s.inherited[name]; from != nil && (from.addr == anyAddr || from.addr == addr) {
		delete(s.inherited, name)
		s.inUse = append(s.inUse, used{name, from.addr, from.line})
		return from.line, nil
	}
	line, err := listen(ctx, addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		err = fmt.Errorf("%w: durin health tells whether a durin runs there; --addr, --ops-addr and --verify-addr choose others", err)
	}
	if path, isUnix := strings.CutPrefix(addr, Unix); isUnix {
		err = folderAdvice(err, filepath.Dir(path))
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", addr, err)
	}
	s.inUse = append(s.inUse, used{name, addr, line})
	return line, nil
}

// folderAdvice adds to an error of a socket what its folder lacks.
func folderAdvice(err error, folder string) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: the folder %s does not exist: create it, owned by the user that runs durin (in a systemd unit: RuntimeDirectory=)", err, folder)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: the user that runs durin has to own the folder %s", err, folder)
	}
	return err
}

// Unix begins the address of a socket of the file system.
const Unix = "unix:"

// socketMode lets the socket's owner and group ask.
const socketMode = 0o660

// listen listens at host:port or unix:path. A socket that a process has left behind
// gives way; one on which somebody listens does not.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	path, isUnix := strings.CutPrefix(addr, Unix)
	if !isUnix {
		return (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	}
	line, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if errors.Is(err, syscall.EADDRINUSE) && isLeft(ctx, path) {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
		line, err = (&net.ListenConfig{}).Listen(ctx, "unix", path)
	}
	if err != nil {
		return nil, err
	}
	// The process that takes over listens on the same path.
	line.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := os.Chmod(path, socketMode); err != nil {
		return nil, errors.Join(err, line.Close())
	}
	return line, nil
}

// isLeft reports a socket on which nobody listens.
func isLeft(ctx context.Context, path string) bool {
	if info, err := os.Lstat(path); err != nil || info.Mode().Type() != os.ModeSocket {
		return false
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err == nil {
		_ = conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// Ready tells the process before, if there is one, that this one serves; and
// closes what was inherited and is not used.
func (s *Set) Ready() error {
	var faults []error
	for name, from := range s.inherited {
		faults = append(faults, from.line.Close())
		delete(s.inherited, name)
	}
	if s.ready != nil {
		_, err := s.ready.WriteString(readyWord)
		faults = append(faults, err, s.ready.Close())
		s.ready = nil
	}
	return errors.Join(faults...)
}

const readyWord = "ready\n"

// Close closes what was inherited and nobody took.
func (s *Set) Close() error {
	var faults []error
	for _, from := range s.inherited {
		faults = append(faults, from.line.Close())
	}
	if s.ready != nil {
		faults = append(faults, s.ready.Close())
	}
	s.inherited, s.ready = nil, nil
	return errors.Join(faults...)
}
