package target

import (
	"net/http"
	"strings"

	"github.com/durin-go/durin/bench/internal/dataset"
	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	_ "github.com/pocketbase/pocketbase/migrations" // its schema
)

// openPocket opens PocketBase's database in the folder, and makes it when there
// is none.
func openPocket(folder string) (*core.BaseApp, error) {
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: folder})
	if err := app.Bootstrap(); err != nil {
		return nil, err
	}
	return app, app.RunAllMigrations()
}

// pocketTokens makes count users, and a token of each.
func pocketTokens(folder string, count int) ([]string, error) {
	app, err := openPocket(folder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = app.ResetBootstrapState() }()
	lines := make([]string, count)
	err = app.RunInTransaction(func(tx core.App) error {
		users, err := tx.FindCollectionByNameOrId("users")
		if err != nil {
			return err
		}
		for i := range lines {
			name := dataset.UserName(i + 1)
			known, _ := tx.FindFirstRecordByData(users.Name, "name", name)
			if known == nil {
				known = core.NewRecord(users)
				known.RefreshTokenKey()
				// Through the table: saving would hash a password for each.
				if _, err := tx.DB().Insert(users.Name, dbx.Params{"id": core.GenerateDefaultRandomId(), "name": name, "email": name + "@example.org", "password": "-", "tokenKey": known.TokenKey()}).Execute(); err != nil {
					return err
				}
				if known, err = tx.FindFirstRecordByData(users.Name, "name", name); err != nil {
					return err
				}
			}
			token, err := known.NewAuthToken()
			if err != nil {
				return err
			}
			lines[i] = "Authorization: Bearer " + token
		}
		return nil
	})
	return lines, err
}

// pocketCheck finds the user of a request as PocketBase's own middleware does.
func pocketCheck(folder string, next http.Handler) (http.Handler, func(), error) {
	app, err := openPocket(folder)
	if err != nil {
		return nil, nil, err
	}
	known := func(r *http.Request) bool {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			return false
		}
		user, err := app.FindAuthRecordByToken(token, core.TokenTypeAuth)
		return err == nil && user != nil
	}
	return only(known, next), func() { _ = app.ResetBootstrapState() }, nil
}
