//go:build unix

package password

import (
	"os"
	"os/exec"
	"syscall"
)

// stopping are the signals that ask a server to stop, or to do something else.
// They may be sent to all processes of a service, or to all of a name.
var stopping = []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2}

// apart gives a command a process group of its own: what is typed in the
// terminal does not concern it, and giveWay can name all of its threads.
func apart(cmd *exec.Cmd, _ int) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
}

// giveWay lowers the priority of this process, and steps aside unless it is to
// have a share. Linux takes a process's id for its first thread's
// (setpriority(2), "C library/kernel differences"), but a group's for all
// threads. What is not allowed stays as it is.
func giveWay() {
	if syscall.Getpgrp() != os.Getpid() {
		return // not started by a Hasher
	}
	was, err := priority(os.Getpid())
	nice := ownNiceness()
	if err != nil || nice == 0 {
		return
	}
	_ = syscall.Setpriority(syscall.PRIO_PGRP, 0, min(19, was+nice))
	if os.Getenv(shareVar) == "" {
		_ = stepAside()
	}
}
