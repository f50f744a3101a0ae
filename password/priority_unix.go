//go:build unix && !linux

package password

// priority is taken to be the usual one: not every system's syscall package can
// tell a negative niceness from an error.
func priority(int) (int, error) { return 0, nil }

const canStepAside = false

func stepAside() error { return nil }
