package password

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
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
		if err := try(h); err != nil {
			t.Fatal(err)
		}
		if there, err := priority(h.pid()); err != nil || there != min(19, want) {
			t.Errorf("%d: the process has %d %v, ours %d", nice, there, err, own)
		}
		h.Close()
	}
	if h, err := New(Options{Nice: 20}); err == nil {
		h.Close()
		t.Error("20 is taken")
	}
}
