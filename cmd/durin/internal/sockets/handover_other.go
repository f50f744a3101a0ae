//go:build !unix

package sockets

import (
	"context"
	"errors"
	"syscall"
)

// Upgrade is a signal that never comes here.
const Upgrade = syscall.Signal(-1)

func closeOnExec(int) {}

// A Program is what was started, to be started anew.
type Program struct{}

// ThisProgram is the running one.
func ThisProgram() (Program, error) { return Program{}, nil }

// HandOver is not to be had on this system.
func (s *Set) HandOver(context.Context, Program) (int, error) { return 0, errors.ErrUnsupported }
