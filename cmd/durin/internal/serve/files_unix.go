//go:build unix

package serve

import (
	"log/slog"
	"syscall"
)

// ownFiles are the open files that are no connections: databases, logs.
const ownFiles = 128

// underFileLimit is limit, or less where the system lets this process open too
// few files for as many connections.
func underFileLimit(limit int, log *slog.Logger) int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return limit
	}
	if most := max(int64(files.Cur)-ownFiles, 1); files.Cur < 1<<31 && most < int64(limit) {
		log.Warn("fewer connections are taken than max-connections says: this process may not open more files", "max_connections", limit, "taken", most)
		return int(most)
	}
	return limit
}
