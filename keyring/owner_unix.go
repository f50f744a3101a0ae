//go:build unix

package keyring

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checkOwner refuses a file of another user than this process's and root: who owns a
// file can change what is in it.
func checkOwner(path string, info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Uid == 0 || int(stat.Uid) == os.Geteuid() {
		return nil
	}
	return fmt.Errorf("durin: key file %s belongs to another user, %d, and this is %d: run as that user, like sudo -u '#%[2]d' durin …, or give the file to this one with chown", path, stat.Uid, os.Geteuid())
}
