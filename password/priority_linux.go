package password

import "syscall"

// priority is the niceness of a thread, or of a process's first. The system call
// answers 20 - nice (getpriority(2)).
func priority(id int) (int, error) {
	n, err := syscall.Getpriority(syscall.PRIO_PROCESS, id)
	return 20 - n, err
}
