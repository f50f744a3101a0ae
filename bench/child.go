package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"strings"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/bench/internal/target"
)

// The servers that are measured are processes of their own: this program, called
// with "serve". They tell their address, and end when their input does. Their
// hashes are computed by this program too, called with "hash".

const (
	answerBody = `{"status":"ok"}`
	// program and free are modes of serve beside those of package target: the
	// API and a protected route, and the same with passwords that cost nothing.
	program = "program"
	free    = "free"
	hashing = "hash"
	// awake is the mode of a process that keeps the cores from sleeping.
	awake = "awake"
)

// hello is the handler behind what is measured.
func hello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, answerBody)
}

func serve(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench serve", flag.ContinueOnError)
	mode := flags.String("mode", target.Bare, "who is let in, and how")
	path := flags.String("db", "", "the database")
	hashes := flags.Int("hashing", 0, "hashes at a time")
	procs := flags.Int("procs", 0, "how many threads run Go at a time; zero is the default")
	profile := flags.String("profile", "", "file for a profile of the processor")
	if err := flags.Parse(args); err != nil {
		return err
	}
	runtime.GOMAXPROCS(*procs)
	var h http.Handler
	var stop func()
	var err error
	switch *mode {
	case program, free:
		var auth durin.Authenticator
		if *mode == free {
			auth = target.Free{}
		}
		h, stop, err = target.Program(ctx, *path, *hashes, hasher, auth, http.HandlerFunc(hello))
	default:
		h, stop, err = target.Handler(ctx, *mode, *path, http.HandlerFunc(hello))
	}
	if err != nil {
		return err
	}
	defer stop()
	line, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if *profile != "" {
		file, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	fmt.Println(line.Addr())
	srv := &http.Server{Handler: h}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = srv.Close()
	}()
	if err := srv.Serve(line); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// hasher is the command of the process that computes hashes.
func hasher() *exec.Cmd {
	path, err := os.Executable()
	return &exec.Cmd{Path: path, Args: []string{"bench", hashing}, Stderr: os.Stderr, Err: err}
}

// stayAwake keeps the cores from sleeping until the child is stopped.
func stayAwake(ctx context.Context) (*child, error) {
	c, _, err := begin(ctx, awake)
	return c, err
}

// A child is this program in a process of its own, which ends with its input.
type child struct {
	addr string // of a server
	cmd  *exec.Cmd
	end  io.Closer
}

func startChild(ctx context.Context, mode, path string, more ...string) (*child, error) {
	c, out, err := begin(ctx, append([]string{"serve", "-mode", mode, "-db", path}, more...)...)
	if err != nil {
		return nil, err
	}
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		c.stop()
		return nil, fmt.Errorf("the server %s did not start: %w", mode, err)
	}
	c.addr = strings.TrimSpace(addr)
	return c, nil
}

// begin starts this program with other arguments, and returns what it writes.
func begin(ctx context.Context, args ...string) (*child, io.Reader, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	return &child{cmd: cmd, end: in}, out, nil
}

func (c *child) stop() {
	_ = c.end.Close()
	_ = c.cmd.Wait()
}
