package systemd

import "golang.org/x/sys/unix"

// monotonic is the system's clock since its start, in microseconds.
func monotonic() int64 {
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &at); err != nil {
		return 0
	}
	return at.Nano() / 1000
}
