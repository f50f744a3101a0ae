package password

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin"
)

var cheap = Params{Memory: 64, Time: 1, Threads: 2}

// command is this program as another.
func command(as string) func() *exec.Cmd {
	return func() *exec.Cmd {
		path, err := os.Executable()
		return &exec.Cmd{Path: path, Args: []string{path, as}, Stderr: os.Stderr, Err: err}
	}
}

// helped is a Hasher with another process, and the log of its trouble.
func helped(t *testing.T, as func() *exec.Cmd) (*Hasher, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	h, err := New(Options{Params: cheap, Workers: 4, Command: as, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	h.helper.pause, h.helper.hunger = time.Millisecond, helperPatience
	t.Cleanup(h.Close)
	return h, &log
}

// pid is the process that lives; 0: none does.
func (h *Hasher) pid() int {
	h.helper.mu.Lock()
	defer h.helper.mu.Unlock()
	if h.helper.live == nil {
		return 0
	}
	return h.helper.live.cmd.Process.Pid
}

// until waits for what must come.
func until(t *testing.T, what string, come func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !come(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// try hashes and verifies, a right password and a wrong one.
func try(h *Hasher) error {
	ctx := context.Background()
	hash, err := h.Hash(ctx, "correct horse")
	if err != nil {
		return err
	}
	for pw, want := range map[durin.Secret]bool{"correct horse": true, "correct hors": false} {
		if r, err := h.Verify(ctx, pw, hash); err != nil || r.OK != want {
			return fmt.Errorf("%v %w, want %v", r, err, want)
		}
	}
	return nil
}

func TestHashesOfAnotherProcessAreTheSame(t *testing.T) {
	here, err := New(Options{Params: cheap})
	if err != nil {
		t.Fatal(err)
	}
	there, log := helped(t, command(asHelper))
	for _, pair := range [][2]*Hasher{{here, there}, {there, here}, {there, there}} {
		hash, err := pair[0].Hash(t.Context(), "correct horse")
		if err != nil {
			t.Fatal(err)
		}
		for pw, want := range map[durin.Secret]bool{"correct horse": true, "correct hors": false} {
			if r, err := pair[1].Verify(t.Context(), pw, hash); err != nil || r.OK != want || r.Weak {
				t.Errorf("%v %v, want %v", r, err, want)
			}
			if c, err := pair[1].verifyEvenly(t.Context(), pw, hash); err != nil || c.fault != nil || c.OK != want {
				t.Errorf("%v %v, want %v", c, err, want)
			}
		}
	}
	for _, encoded := range []string{
		"md5$salt$" + strings.Repeat("0", 32), "$2b$04$" + strings.Repeat(".", 53), "$2b$04$" + strings.Repeat("9", 53), "",
		"$scrypt$ln=4,r=1,p=1$c2FsdA$" + strings.Repeat("A", 43), "pbkdf2_sha256$1$salt$NPSMZuGQ3BcCj9ZQz9lEyBqUtuE6Hnb4VXqJUrUcO1I=",
	} {
		a, errA := here.Verify(t.Context(), "x", encoded)
		b, errB := there.Verify(t.Context(), "x", encoded)
		if a != b || fmt.Sprint(errA) != fmt.Sprint(errB) {
			t.Errorf("%q: %v %v here, %v %v there", encoded, a, errA, b, errB)
		}
	}
	if there.pid() == 0 {
		t.Error("there is no other process")
	}
	there.Close()
	if err := try(there); err != nil {
		t.Error("after Close:", err)
	}
	if log.Len() > 0 {
		t.Error(log)
	}
}

// keepTrying tries with eight goroutines, until the function that it returns is
// called.
func keepTrying(t *testing.T, h *Hasher) (stop func()) {
	over := make(chan struct{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for {
				if err := try(h); err != nil {
					t.Error(err)
					return
				}
				select {
				case <-over:
					return
				default:
				}
			}
		})
	}
	return func() { close(over); all.Wait() }
}

// Logins go on while the process is killed again and again, and another takes
// its place.
func TestKilledProcessIsReplaced(t *testing.T) {
	h, _ := helped(t, command(asHelper))
	stop := keepTrying(t, h)
	seen := map[int]bool{}
	for len(seen) < 5 {
		var p *process
		until(t, "no process is started", func() bool {
			h.helper.mu.Lock()
			defer h.helper.mu.Unlock()
			p = h.helper.live
			return p != nil && !seen[p.cmd.Process.Pid] && len(p.waiting) > 0
		})
		seen[p.cmd.Process.Pid] = true
		p.kill()
	}
	stop()
}

func TestWithoutTheProcessHashesAreComputedHere(t *testing.T) {
	starts := 0
	missing := func() *exec.Cmd {
		starts++
		return exec.Command("/there/is/no/such/program")
	}
	for name, as := range map[string]func() *exec.Cmd{"missing": missing, "nonsense": command(asLiar), "stuck": command(asMute)} {
		t.Run(name, func(t *testing.T) {
			h, log := helped(t, as)
			h.helper.pause, h.helper.patience = time.Hour, 100*time.Millisecond
			for range 3 {
				if err := try(h); err != nil {
					t.Error(err)
				}
			}
			h.Close()
			if n := strings.Count(log.String(), "level=WARN"); n != 1 || strings.Contains(log.String(), "correct") {
				t.Errorf("the log says %s", log)
			}
		})
	}
	if starts != 1 {
		t.Errorf("it was started %d times, without a pause", starts)
	}
}

func TestStartsAreFurtherAndFurtherApart(t *testing.T) {
	h := newHelper(Options{Logger: slog.New(slog.DiscardHandler)})
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		h.failed(io.EOF)
		if got := time.Until(h.again); got > want*time.Second || got < want*time.Second-time.Second/2 {
			t.Errorf("%s after %d failures, want %d s", got, h.failures, want)
		}
	}
	for range 100 {
		h.failed(io.EOF)
	}
	if got := time.Until(h.again); got > helperMaxPause || got < helperMaxPause/2 {
		t.Error(got)
	}
}

func TestIdleProcessEnds(t *testing.T) {
	h, log := helped(t, command(asHelper))
	h.helper.idle = 10 * time.Millisecond
	for range 2 {
		if err := try(h); err != nil {
			t.Fatal(err)
		}
		until(t, "the process stays", func() bool { return h.pid() == 0 })
		h.helper.ends.Wait()
	}
	if log.Len() > 0 {
		t.Error(log)
	}
}

// parent hashes in another process and never ends.
func parent() {
	h, err := New(Options{Params: cheap, Command: command(asHelper)})
	if err == nil {
		err = try(h)
	}
	fmt.Println(h.pid(), err)
	select {}
}

// A process whose Hasher's is killed ends: the file that it holds open does.
func TestProcessEndsWithItsParent(t *testing.T) {
	ours, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ours.Close() }()
	cmd := command(asParent)()
	cmd.Stderr = theirs // which the process inherits
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = theirs.Close()
	line, err := bufio.NewReader(out).ReadString('\n')
	pid, _ := strconv.Atoi(strings.Fields(line + " x")[0])
	if err != nil || pid == 0 || !strings.Contains(line, "<nil>") {
		t.Errorf("%q %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if err := ours.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(ours); err != nil {
		t.Errorf("it goes on: %v, having said %q", err, text)
	}
}
