package password

import (
	"os"
	"os/exec"
	"syscall"
)

// belowNormal is BELOW_NORMAL_PRIORITY_CLASS of CreateProcess.
const belowNormal = 0x4000

var stopping = []os.Signal{os.Interrupt, syscall.SIGTERM}

// apart gives a command a process group of its own, and low priority, unless nice
// is 0.
func apart(cmd *exec.Cmd, nice int) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.CreationFlags |= syscall.CREATE_NEW_PROCESS_GROUP
	if nice > 0 {
		cmd.SysProcAttr.CreationFlags |= belowNormal
	}
}

// giveWay has nothing to do: apart has done it.
func giveWay() {}

const canStepAside = false
