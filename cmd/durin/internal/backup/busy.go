package backup

import (
	"errors"

	"modernc.org/sqlite"
)

// isBusy reports that somebody else holds a lock on a SQLite file.
func isBusy(err error) bool {
	const busy, locked = 5, 6 // SQLITE_BUSY, SQLITE_LOCKED
	var fault *sqlite.Error
	return errors.As(err, &fault) && (fault.Code()&0xff == busy || fault.Code()&0xff == locked)
}
