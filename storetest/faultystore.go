package storetest

import (
	"context"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/nodes"
	"github.com/durin-go/durin/transfer"
)

type faultyStore struct {
	s durin.Store
	f Faults
}

func (x *faultyStore) CreateClient(ctx context.Context, c durin.Client) (durin.Client, error) {
	return one(ctx, x.f, "CreateClient", func() (durin.Client, error) { return x.s.CreateClient(ctx, c) })
}

func (x *faultyStore) UpdateClient(ctx context.Context, name string, now time.Time, change func(*durin.Client) error) (durin.Client, error) {
	return one(ctx, x.f, "UpdateClient", func() (durin.Client, error) { return x.s.UpdateClient(ctx, name, now, change) })
}

func (x *faultyStore) DeleteClient(ctx context.Context, name string, now time.Time) (durin.Client, error) {
	return one(ctx, x.f, "DeleteClient", func() (durin.Client, error) { return x.s.DeleteClient(ctx, name, now) })
}

func (x *faultyStore) ClientByName(ctx context.Context, name string) (durin.Client, error) {
	return one(ctx, x.f, "ClientByName", func() (durin.Client, error) { return x.s.ClientByName(ctx, name) })
}

func (x *faultyStore) Clients(ctx context.Context) ([]durin.Client, error) {
	return one(ctx, x.f, "Clients", func() ([]durin.Client, error) { return x.s.Clients(ctx) })
}

func (x *faultyStore) Issue(ctx context.Context, t durin.NewToken) (durin.IssuedToken, error) {
	return one(ctx, x.f, "Issue", func() (durin.IssuedToken, error) { return x.s.Issue(ctx, t) })
}

func (x *faultyStore) Lookup(ctx context.Context, d durin.Digest) (durin.Session, error) {
	return one(ctx, x.f, "Lookup", func() (durin.Session, error) { return x.s.Lookup(ctx, d) })
}

func (x *faultyStore) Sessions(ctx context.Context, q browse.Query) ([]durin.Session, error) {
	return one(ctx, x.f, "Sessions", func() ([]durin.Session, error) { return x.s.Sessions(ctx, q) })
}

func (x *faultyStore) Renew(ctx context.Context, d durin.Digest, now time.Time) (durin.Session, error) {
	return one(ctx, x.f, "Renew", func() (durin.Session, error) { return x.s.Renew(ctx, d, now) })
}

func (x *faultyStore) Rotate(ctx context.Context, r durin.Rotation) (durin.Rotated, error) {
	return one(ctx, x.f, "Rotate", func() (durin.Rotated, error) { return x.s.Rotate(ctx, r) })
}

func (x *faultyStore) ForgetReplaced(ctx context.Context, now time.Time) error {
	return none(ctx, x.f, "ForgetReplaced", func() error { return x.s.ForgetReplaced(ctx, now) })
}

func (x *faultyStore) End(ctx context.Context, sel durin.Selection, now time.Time) ([]durin.Digest, error) {
	return one(ctx, x.f, "End", func() ([]durin.Digest, error) { return x.s.End(ctx, sel, now) })
}

func (x *faultyStore) MarkUser(ctx context.Context, userID string, now time.Time) ([]durin.Digest, error) {
	return one(ctx, x.f, "MarkUser", func() ([]durin.Digest, error) { return x.s.MarkUser(ctx, userID, now) })
}

func (x *faultyStore) Prune(ctx context.Context, before time.Time, limit int) (int, error) {
	return one(ctx, x.f, "Prune", func() (int, error) { return x.s.Prune(ctx, before, limit) })
}

func (x *faultyStore) Touch(ctx context.Context, uses []durin.Use) error {
	return none(ctx, x.f, "Touch", func() error { return x.s.Touch(ctx, uses) })
}

func (x *faultyStore) AddUsage(ctx context.Context, batch browse.Batch, usage []browse.Usage) error {
	return none(ctx, x.f, "AddUsage", func() error { return x.s.AddUsage(ctx, batch, usage) })
}

func (x *faultyStore) Usage(ctx context.Context, since time.Time, userID string, clientID int64, limit int) ([]browse.Usage, error) {
	return one(ctx, x.f, "Usage", func() ([]browse.Usage, error) { return x.s.Usage(ctx, since, userID, clientID, limit) })
}

func (x *faultyStore) Seals(ctx context.Context, after int64, limit int) ([]durin.Sealed, error) {
	return one(ctx, x.f, "Seals", func() ([]durin.Sealed, error) { return x.s.Seals(ctx, after, limit) })
}

func (x *faultyStore) Reseal(ctx context.Context, d durin.Digest, old, new []byte) (bool, error) {
	return one(ctx, x.f, "Reseal", func() (bool, error) { return x.s.Reseal(ctx, d, old, new) })
}

func (x *faultyStore) Ping(ctx context.Context) error {
	return none(ctx, x.f, "Ping", func() error { return x.s.Ping(ctx) })
}

type faultyUsers struct {
	s durin.UserStore
	f Faults
}

func (x *faultyUsers) CreateUser(ctx context.Context, u durin.User) (durin.User, error) {
	return one(ctx, x.f, "CreateUser", func() (durin.User, error) { return x.s.CreateUser(ctx, u) })
}

func (x *faultyUsers) UserByName(ctx context.Context, name string) (durin.User, error) {
	return one(ctx, x.f, "UserByName", func() (durin.User, error) { return x.s.UserByName(ctx, name) })
}

func (x *faultyUsers) UsersByFold(ctx context.Context, name string, limit int) ([]durin.User, error) {
	return one(ctx, x.f, "UsersByFold", func() ([]durin.User, error) { return x.s.UsersByFold(ctx, name, limit) })
}

func (x *faultyUsers) UserByID(ctx context.Context, id string) (durin.User, error) {
	return one(ctx, x.f, "UserByID", func() (durin.User, error) { return x.s.UserByID(ctx, id) })
}

func (x *faultyUsers) Users(ctx context.Context, after string, limit int) ([]durin.User, error) {
	return one(ctx, x.f, "Users", func() ([]durin.User, error) { return x.s.Users(ctx, after, limit) })
}

func (x *faultyUsers) UpdateUser(ctx context.Context, id string, now time.Time, change func(*durin.User) error) (durin.User, []durin.Digest, error) {
	return two(ctx, x.f, "UpdateUser", func() (durin.User, []durin.Digest, error) { return x.s.UpdateUser(ctx, id, now, change) })
}

func (x *faultyUsers) SetPassword(ctx context.Context, id, old, new string) (bool, error) {
	return one(ctx, x.f, "SetPassword", func() (bool, error) { return x.s.SetPassword(ctx, id, old, new) })
}

func (x *faultyUsers) DeleteUser(ctx context.Context, id string, now time.Time) (durin.User, []durin.Digest, error) {
	return two(ctx, x.f, "DeleteUser", func() (durin.User, []durin.Digest, error) { return x.s.DeleteUser(ctx, id, now) })
}

type faultyImporter struct {
	s transfer.Importer
	f Faults
}

func (x *faultyImporter) Import(ctx context.Context, rows []transfer.Row, now time.Time, dry bool) ([]transfer.Result, error) {
	return one(ctx, x.f, "Import", func() ([]transfer.Result, error) { return x.s.Import(ctx, rows, now, dry) })
}

type faultyOutbox struct {
	s nodes.Outbox
	f Faults
}

func (x *faultyOutbox) Endings(ctx context.Context, after int64, limit int) ([]nodes.Ending, error) {
	return one(ctx, x.f, "Endings", func() ([]nodes.Ending, error) { return x.s.Endings(ctx, after, limit) })
}

func (x *faultyOutbox) LastEnding(ctx context.Context) (int64, error) {
	return one(ctx, x.f, "LastEnding", func() (int64, error) { return x.s.LastEnding(ctx) })
}

type faultyServers struct {
	s durin.ResourceServerStore
	f Faults
}

func (x *faultyServers) CreateResourceServer(ctx context.Context, r durin.ResourceServer) (durin.ResourceServer, error) {
	return one(ctx, x.f, "CreateResourceServer", func() (durin.ResourceServer, error) { return x.s.CreateResourceServer(ctx, r) })
}

func (x *faultyServers) ResourceServers(ctx context.Context) ([]durin.ResourceServer, error) {
	return one(ctx, x.f, "ResourceServers", func() ([]durin.ResourceServer, error) { return x.s.ResourceServers(ctx) })
}

func (x *faultyServers) DeleteResourceServer(ctx context.Context, id int64) error {
	return none(ctx, x.f, "DeleteResourceServer", func() error { return x.s.DeleteResourceServer(ctx, id) })
}

type faultyMoves struct {
	l transfer.LegacyStore
	e transfer.Exporter
	f Faults
}

func (x *faultyMoves) AdoptLegacy(ctx context.Context, legacy []transfer.LegacyDigest, d durin.Digest) (bool, error) {
	return one(ctx, x.f, "AdoptLegacy", func() (bool, error) { return x.l.AdoptLegacy(ctx, legacy, d) })
}

func (x *faultyMoves) LegacyLeft(ctx context.Context) (bool, error) {
	return one(ctx, x.f, "LegacyLeft", func() (bool, error) { return x.l.LegacyLeft(ctx) })
}

func (x *faultyMoves) ExportTokens(ctx context.Context, after int64, limit int) ([]transfer.Token, error) {
	return one(ctx, x.f, "ExportTokens", func() ([]transfer.Token, error) { return x.e.ExportTokens(ctx, after, limit) })
}

func (x *faultyMoves) ExportLedger(ctx context.Context, after transfer.Entry, limit int) ([]transfer.Entry, error) {
	return one(ctx, x.f, "ExportLedger", func() ([]transfer.Entry, error) { return x.e.ExportLedger(ctx, after, limit) })
}
