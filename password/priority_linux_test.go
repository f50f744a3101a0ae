package password

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Every thread of the process gives way, and ours do not; signals that are
// meant for the server do not end it.
func TestProcessGivesWay(t *testing.T) {
	own, err := priority(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	h, log := helped(t, command(asHelper))
	if err := try(h); err != nil {
		t.Fatal(err)
	}
	pid := h.pid()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil || len(threads) < 2 {
		t.Fatal(threads, err)
	}
	for _, path := range threads {
		thread, _ := strconv.Atoi(filepath.Base(path))
		if there, err := priority(thread); err != nil || there != min(19, own+niceness) {
			t.Errorf("thread %d: %d %v, ours is %d", thread, there, err, own)
		}
		if p := policy(t, thread); p != unix.SCHED_IDLE {
			t.Errorf("thread %d has the policy %d", thread, p)
		}
	}
	if now, err := priority(os.Getpid()); err != nil || now != own {
		t.Errorf("ours went from %d to %d, %v", own, now, err)
	}
	for _, signal := range stopping {
		if err := syscall.Kill(-pid, signal.(syscall.Signal)); err != nil {
			t.Error(signal, err)
		}
		if err := try(h); err != nil || h.pid() != pid {
			t.Errorf("after %s: process %d, %v", signal, h.pid(), err)
		}
	}
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if string(environ) != "GOMAXPROCS=4\x00" {
		t.Errorf("its environment is %q, %v", environ, err)
	}
	h.Close()
	if log.Len() > 0 {
		t.Error(log)
	}
}

// policy is how the kernel gives time to a thread.
func policy(t *testing.T, thread int) uint32 {
	t.Helper()
	attr, err := unix.SchedGetAttr(thread, 0)
	if err != nil {
		t.Fatal(err)
	}
	return attr.Policy
}

// A process that gets no time is replaced by one that gets some, and that later
// by one that steps aside. No hash is lost.
func TestStarvedProcessIsReplaced(t *testing.T) {
	h, log := helped(t, command(asHelper))
	h.helper.share = time.Hour
	if err := try(h); err != nil {
		t.Fatal(err)
	}
	starving := h.pid()
	h.helper.hunger = 100 * time.Millisecond
	if err := syscall.Kill(starving, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := try(h); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	sharing := h.pid()
	if sharing == starving || sharing == 0 {
		t.Fatalf("process %d goes on as %d", starving, sharing)
	}
	if p := policy(t, sharing); p != 0 {
		t.Errorf("the other has the policy %d", p)
	}
	until(t, "the first has not ended", func() bool { return syscall.Kill(starving, 0) != nil })
	h.helper.sharing, h.helper.hunger = time.Now(), helperPatience // the hour is over
	if err := try(h); err != nil {
		t.Fatal(err)
	}
	if pid := h.pid(); pid == sharing || policy(t, pid) != unix.SCHED_IDLE {
		t.Errorf("process %d goes on as %d, with the policy %d", sharing, pid, policy(t, pid))
	}
	h.Close()
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "no processor time") {
		t.Error(log)
	}
}

// A process that dies while it is given up loses no hash either.
func TestStarvedProcessIsKilled(t *testing.T) {
	h, _ := helped(t, command(asHelper))
	h.helper.hunger, h.helper.share = 3*time.Millisecond, time.Millisecond
	stop := keepTrying(t, h)
	for range 300 {
		time.Sleep(10 * time.Millisecond)
		if pid := h.pid(); pid != 0 {
			_ = syscall.Kill(pid, syscall.SIGSTOP)
			time.Sleep(2500 * time.Microsecond) // just before it is given up
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	stop()
}

// The process gives way as much as it is told, or not at all.
func TestNiceIsObeyed(t *testing.T) {
	own, err := priority(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for nice, want := range map[int]int{0: own + niceness, 3: own + 3, 19: 19, -1: own} {
		h, err := New(Options{Params: cheap, Workers: 2, Command: command(asHelper), Nice: nice})
		if err != nil {
			t.Fatal(err)
		}
		h.helper.hunger = helperPatience
		if err := try(h); err != nil {
			t.Fatal(err)
		}
		if there, err := priority(h.pid()); err != nil || there != min(19, want) {
			t.Errorf("%d: the process has %d %v, ours %d", nice, there, err, own)
		}
		if p := policy(t, h.pid()); (p == unix.SCHED_IDLE) != (nice >= 0) {
			t.Errorf("%d: the process has the policy %d", nice, p)
		}
		h.Close()
	}
	if h, err := New(Options{Nice: 20}); err == nil {
		h.Close()
		t.Error("20 is taken")
	}
}
