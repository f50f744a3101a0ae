package password

import (
	"os"
	"syscall"
	"testing"
)

func TestPriorityInTheBackground(t *testing.T) {
	nice := func(id int) int {
		n, err := syscall.Getpriority(syscall.PRIO_PROCESS, id)
		if err != nil {
			t.Fatal(err)
		}
		return 20 - n
	}
	h, err := New(Options{Background: true})
	if err != nil {
		t.Fatal(err)
	}
	own := nice(os.Getpid())
	thread, there := 0, 0
	for range 20 {
		h.compute(func() { thread = syscall.Gettid(); there = nice(thread) })
		if want := min(19, own+niceness); there != want {
			t.Errorf("the thread's niceness is %d, want %d", there, want)
		}
	}
	if now := nice(os.Getpid()); now != own {
		t.Errorf("the program's went from %d to %d", own, now)
	}
}
