package password

import "syscall"

// niceness is what is added to that of the program, up to 19: about a tenth of a
// core's time goes to such a thread where all cores are wanted.
const niceness = 10

// giveWay lowers the priority of the thread that calls it. On Linux setpriority
// of a thread's id is about that thread only (setpriority(2), "C library/kernel
// differences"). Where it is not allowed, the thread stays as it is.
func giveWay() {
	thread := syscall.Gettid()
	// The system call answers 20 - nice (getpriority(2)).
	was, err := syscall.Getpriority(syscall.PRIO_PROCESS, thread)
	if err != nil {
		was = 20
	}
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, thread, min(19, 20-was+niceness))
}

// isFirstThread reports the thread whose id is that of the program.
func isFirstThread() bool { return syscall.Gettid() == syscall.Getpid() }
