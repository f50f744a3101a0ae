//go:build unix

package sockets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Upgrade is the signal that asks a server to start its program anew and hand
// its sockets over.
const Upgrade = syscall.SIGUSR2

// upgradeTimeout is how long the new process may take until it serves: it brings
// the schema up to date first.
const upgradeTimeout = 10 * time.Minute

func closeOnExec(fd int) { syscall.CloseOnExec(fd) }

// A Program is what was started, to be started anew. Find it at the start: later
// another file may be in its place, which is the one to start.
type Program struct {
	path string
	args []string
}

// ThisProgram is the running one, by the name that it was started with: a link
// may lead to another version meanwhile.
func ThisProgram() (Program, error) {
	path, err := exec.LookPath(os.Args[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		path, err = os.Executable()
	}
	return Program{path, slices.Clone(os.Args)}, err
}

// HandOver starts p with the sockets in use, and returns its process id as soon
// as it serves on them. If it does not, it is ended, and nothing has changed.
func (s *Set) HandOver(ctx context.Context, p Program) (pid int, err error) {
	hear, tell, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer func() { _ = hear.Close() }()
	cmd, err := s.command(p, tell)
	if err == nil {
		err = cmd.Start()
	}
	closeAll(cmd.ExtraFiles)
	if err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if err := hearReady(ctx, hear); err != nil {
		_ = cmd.Process.Kill()
		return 0, fmt.Errorf("the new process does not serve: %w (%v)", err, <-ended)
	}
	return cmd.Process.Pid, nil
}

// command passes on the sockets, and tell, which becomes its first file.
func (s *Set) command(p Program, tell *os.File) (*exec.Cmd, error) {
	cmd := &exec.Cmd{
		Path: p.path, Args: p.args, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		ExtraFiles: []*os.File{tell},
	}
	values := url.Values{readyName: {strconv.Itoa(firstFD)}}
	for _, u := range s.inUse {
		file, err := duplicate(u.line)
		if err != nil {
			return cmd, fmt.Errorf("passing on %s: %w", u.line.Addr(), err)
		}
		values.Set(u.name, strconv.Itoa(firstFD+len(cmd.ExtraFiles)))
		values.Set(u.name+".addr", u.addr)
		cmd.ExtraFiles = append(cmd.ExtraFiles, file)
	}
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "LISTEN_") }), handOver+"="+values.Encode())
	return cmd, nil
}

// duplicate is line's file once more. The listener's own File would make the
// socket, which both share, a blocking one.
func duplicate(line any) (*os.File, error) {
	open, ok := line.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	raw, err := open.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd, dupErr := -1, error(nil)
	err = raw.Control(func(from uintptr) {
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		if fd, dupErr = syscall.Dup(int(from)); dupErr == nil {
			syscall.CloseOnExec(fd)
		}
	})
	if err = errors.Join(err, dupErr); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "socket"), nil
}

func closeAll(files []*os.File) {
	for _, file := range files {
		_ = file.Close()
	}
}

// hearReady waits for the word of the new process.
func hearReady(ctx context.Context, from *os.File) error {
	ctx, cancel := context.WithTimeout(ctx, upgradeTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = from.SetReadDeadline(time.Now()) })()
	word := make([]byte, len(readyWord))
	_, err := io.ReadFull(from, word)
	switch {
	case err == nil && string(word) == readyWord:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return errors.New("it ended, or is a version that takes no sockets over: its log tells more")
}
