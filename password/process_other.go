//go:build !unix && !windows

package password

import (
	"os"
	"os/exec"
)

var stopping = []os.Signal{os.Interrupt}

func apart(*exec.Cmd, int) {}

func giveWay() {}

const canStepAside = false
