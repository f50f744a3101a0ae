package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/tokenrule"
)

// fillRows is how many names are folded in one transaction.
const fillRows = 100

// Names are folded when they are first asked for by it, not when they are written:
// programs that do not know the column write users too, and most never ask. A name
// that such a program changes is not found by its folded form until it is written
// once more.
const (
	usersFolded   = "SELECT " + userColumns + " FROM durin_user WHERE folded = ? LIMIT ?"
	userNotFolded = "SELECT id FROM durin_user WHERE folded IS NULL ORDER BY id LIMIT 1"
	namesToFold   = "SELECT id, name FROM durin_user WHERE folded IS NULL ORDER BY id LIMIT ?"
	foldName      = "UPDATE durin_user SET folded = ? WHERE id = ?"
)

func foldedForm(name string) []byte {
	sum := sha256.Sum256([]byte(durin.FoldName(name)))
	return sum[:]
}

// UsersByFold implements durin.UserStore. The first call folds the names of all
// users, which takes some time where there are many.
func (s *Store) UsersByFold(ctx context.Context, name string, limit int) (some []durin.User, err error) {
	if !tokenrule.IsText(name) {
		return nil, nil
	}
	folded := durin.FoldName(name)
	for {
		whole := false
		err := s.read(ctx, "reading users", func(ctx context.Context, t session) error {
			some = nil
			waiting, err := t.ids(ctx, userNotFolded)
			if whole = len(waiting) == 0; err != nil || !whole {
				return err
			}
			return t.each(ctx, func(rows *sql.Rows) error {
				u, err := scanUser(rows)
				if err == nil && durin.FoldName(u.Name) == folded {
					some = append(some, u)
				}
				return err
			}, usersFolded, foldedForm(name), int64(tokenrule.Limit(limit)))
		})
		if err != nil || whole {
			return some, err
		}
		if err := s.foldNames(ctx); err != nil {
			return nil, err
		}
	}
}

// foldNames folds some of the names that are not.
func (s *Store) foldNames(ctx context.Context) error {
	return s.write(ctx, "folding names", func(ctx context.Context, t session) error {
		names := map[int64]string{}
		err := t.each(ctx, func(rows *sql.Rows) error {
			var id number
			var name string
			err := rows.Scan(&id, &name)
			names[id.n] = name
			return err
		}, namesToFold+t.forUpdate, int64(fillRows))
		for id, name := range names {
			if err == nil {
				err = t.exec(ctx, foldName, foldedForm(name), id)
			}
		}
		return err
	})
}
