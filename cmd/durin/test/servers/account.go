package servers

import (
	"os"
	"os/user"
	"strconv"
)

type ids struct{ uid, gid uint32 }

// account is a user of this machine.
func account(name string) (ids, bool) {
	u, err := user.Lookup(name)
	if err != nil {
		return ids{}, false
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return ids{uint32(uid), uint32(gid)}, err1 == nil && err2 == nil
}

// give makes the user of that name own a file, where we are root.
func give(file, name string) {
	if id, ok := account(name); ok && os.Getuid() == 0 {
		_ = os.Chown(file, int(id.uid), int(id.gid))
	}
}
