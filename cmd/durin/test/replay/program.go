package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/durin-go/durin/cmd/durin/test/programtest"
)

// A Program is the built program with the dump that episodes start from. It is
// safe for concurrent use.
type Program struct {
	Binary string // the built program
	Dump   string // path of a file of manage.py dumpdata
	Dir    string // for states that are imported once

	mu     sync.Mutex
	states map[string]*state
}

// A state is a directory with an imported database and its key file.
type state struct {
	once sync.Once
	dir  string
	err  error
}

// startingState returns a directory that holds the episode's starting state: not
// to be changed.
func (p *Program) startingState(ctx context.Context, e Episode) (string, error) {
	name, err := json.Marshal([]any{e.Add, e.DeleteTokens})
	if err != nil {
		return "", err
	}
	p.mu.Lock()
	if p.states == nil {
		p.states = map[string]*state{}
	}
	s := p.states[string(name)]
	if s == nil {
		s = &state{dir: filepath.Join(p.Dir, fmt.Sprintf("state%d", len(p.states)))}
		p.states[string(name)] = s
	}
	p.mu.Unlock()
	s.once.Do(func() { s.err = p.importInto(ctx, s.dir, e) })
	return s.dir, s.err
}

func (p *Program) importInto(ctx context.Context, dir string, e Episode) error {
	objects, err := p.objects(e)
	if err != nil {
		return err
	}
	dump, err := json.Marshal(objects)
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return p.run(ctx, dir, bytes.NewReader(dump), "import", "django", "--lenient", "--db", database, "-")
}

// objects are those of the dump, with what the episode adds and without what it
// deletes.
func (p *Program) objects(e Episode) ([]json.RawMessage, error) {
	dump, err := os.ReadFile(p.Dump)
	if err != nil {
		return nil, err
	}
	var all []json.RawMessage
	if err := json.Unmarshal(dump, &all); err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(object json.RawMessage) bool {
		var o struct {
			Model string
			PK    int64
		}
		return json.Unmarshal(object, &o) == nil && o.Model == "durin.authtoken" && slices.Contains(e.DeleteTokens, o.PK)
	})
	return append(all, e.Add...), nil
}

const database = "durin.db"

// run runs a command of the program in dir.
func (p *Program) run(ctx context.Context, dir string, input *bytes.Reader, args ...string) error {
	cmd := p.command(ctx, dir, args...)
	if input != nil {
		cmd.Stdin = input
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("durin %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// command makes a command that the settings around this process do not reach.
func (p *Program) command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.Binary, args...)
	cmd.Dir = dir
	cmd.Env = programtest.Environ()
	return cmd
}

// A Server is a running program on a state of its own.
type Server struct {
	Addr string

	program *Program
	dir     string
	cmd     *exec.Cmd
	log     bytes.Buffer
}

// Serve starts the program on a fresh starting state of the episode, in the
// empty directory dir.
func (p *Program) Serve(ctx context.Context, e Episode, dir string) (*Server, error) {
	start, err := p.startingState(ctx, e)
	if err != nil {
		return nil, err
	}
	if err := os.CopyFS(dir, os.DirFS(start)); err != nil {
		return nil, err
	}
	if err := os.Chmod(filepath.Join(dir, "durin.key"), 0o600); err != nil {
		return nil, err
	}
	args := append([]string{"serve", "--demo", "--mount", "/api", "--login-limit", "off", "--addr", "127.0.0.1:0", "--addr-file", "addr", "--db", database},
		e.Settings.flags()...)
	s := &Server{program: p, dir: dir, cmd: p.command(ctx, dir, args...)}
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	if err := s.await(ctx); err != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		return nil, fmt.Errorf("durin %s: %w\n%s", strings.Join(args, " "), err, &s.log)
	}
	return s, nil
}

// await waits until the server is reached at the address that it tells.
func (s *Server) await(ctx context.Context) error {
	const patience = 30 * time.Second
	for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(filepath.Join(s.dir, "addr"))
		if err == nil {
			s.Addr = strings.TrimSpace(string(text))
			var conn net.Conn
			if conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", s.Addr); err == nil {
				return conn.Close()
			}
		}
		if time.Since(begun) > patience || ctx.Err() != nil {
			return fmt.Errorf("it is not ready after %s: %w", patience, err)
		}
	}
}

// Run runs a command of the program on the server's database.
func (s *Server) Run(ctx context.Context, args ...string) error {
	return s.program.run(ctx, s.dir, nil, append(slices.Clone(args), "--db", database)...)
}

// Stop ends the server as an operator does, and returns its log.
func (s *Server) Stop() (string, error) {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return "", err
	}
	err := s.cmd.Wait()
	return s.log.String(), err
}
