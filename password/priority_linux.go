package password

import (
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// canStepAside says that stepAside does what it says.
const canStepAside = true

// priority is the niceness of a thread, or of a process's first. The system call
// answers 20 - nice (getpriority(2)).
func priority(id int) (int, error) {
	n, err := syscall.Getpriority(syscall.PRIO_PROCESS, id)
	return 20 - n, err
}

// stepAside has this process run only while a core has nothing else to do: a
// thread that wants it has it at once. However low a priority is, a thread that
// has just begun may keep the core for some milliseconds (sched(7)). Threads
// inherit it; those that began meanwhile are found in another round. There is no
// way back.
func stepAside() error {
	for all := false; !all; {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		all = true
		for _, t := range threads {
			id, err := strconv.Atoi(t.Name())
			if err != nil {
				return err
			}
			attr, err := unix.SchedGetAttr(id, 0)
			if err == nil && attr.Policy != unix.SCHED_IDLE {
				all = false
				attr.Policy, attr.Runtime = unix.SCHED_IDLE, 0
				err = unix.SchedSetAttr(id, attr, 0)
			}
			if err != nil && err != unix.ESRCH { // it has ended
				return err
			}
		}
	}
	return nil
}
