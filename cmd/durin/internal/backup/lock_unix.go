//go:build unix

package backup

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// The bytes of a database file that SQLite's locks are on; everybody who has it
// open in its usual mode holds one of them.
const (
	lockByte  = 0x40000000
	lockBytes = 512
)

// isLocked reports that another process holds one of SQLite's locks on a file,
// which may be damaged.
func isLocked(path string) bool {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }()
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart, Start: lockByte, Len: lockBytes}
	return syscall.FcntlFlock(file.Fd(), syscall.F_GETLK, &lock) == nil && lock.Type != syscall.F_UNLCK
}

// ownAs gives a new file to the owner of the one that it replaces, or of its
// folder: what an administrator restores the server must be able to open.
func ownAs(path, target string) {
	info, err := os.Stat(target)
	if err != nil {
		info, err = os.Stat(filepath.Dir(target))
	}
	if err != nil || os.Getuid() != 0 {
		return
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		_ = os.Chown(path, int(owner.Uid), int(owner.Gid))
	}
}
