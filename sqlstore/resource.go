package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/tokenrule"
)

const (
	serverColumns = "SELECT id, name, digest, created, expires FROM durin_resource_server"
	serverHashed  = serverColumns + " WHERE digest = ?"
)

func scanServer(rows *sql.Rows) (durin.ResourceServer, error) {
	var r durin.ResourceServer
	var id, created, expires number
	err := rows.Scan(&id, &r.Name, digestColumn{&r.Digest}, &created, &expires)
	r.ID, r.Created, r.Expires = id.n, created.instant(), expires.instant()
	return r, err
}

// CreateResourceServer implements durin.ResourceServerStore.
func (s *Store) CreateResourceServer(ctx context.Context, r durin.ResourceServer) (durin.ResourceServer, error) {
	r, err := tokenrule.ResourceServer(r)
	if err != nil {
		return durin.ResourceServer{}, err
	}
	err = s.insert(ctx, "creating a resource server", func(ctx context.Context, t session) error {
		err := asInsert(t.exec(ctx, insertInto("durin_resource_server", "name, digest, created, expires"),
			r.Name, r.Digest[:], r.Created.UnixMicro(), instantOrNull(r.Expires)))
		if err != nil {
			return err
		}
		return t.each(ctx, func(rows *sql.Rows) (err error) { r, err = scanServer(rows); return err }, serverHashed, r.Digest[:])
	}, serverHashed, r.Digest[:])
	if err != nil {
		return durin.ResourceServer{}, err
	}
	return r, nil
}

// ResourceServers implements durin.ResourceServerStore.
func (s *Store) ResourceServers(ctx context.Context) (all []durin.ResourceServer, err error) {
	err = s.read(ctx, "reading the resource servers", func(ctx context.Context, t session) error {
		all = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			r, err := scanServer(rows)
			all = append(all, r)
			return err
		}, serverColumns+" ORDER BY name, id")
	})
	return all, err
}

// DeleteResourceServer implements durin.ResourceServerStore.
func (s *Store) DeleteResourceServer(ctx context.Context, id int64) error {
	return s.write(ctx, "deleting a resource server", func(ctx context.Context, t session) error {
		result, err := t.on.ExecContext(ctx, t.bind("DELETE FROM durin_resource_server WHERE id = ?"), id)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return fmt.Errorf("sqlstore: resource server %d: %w", id, durin.ErrNotFound)
	})
}
