// Package doctor looks at everything that a node needs and tells what to mend.
// It changes nothing, but commits a change that means nothing.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/cmd/durin/internal/config"
	"github.com/durin-go/durin/cmd/durin/internal/database"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/nodes"
	"github.com/durin-go/durin/sqlstore"
)

// A Grade says how bad a finding is.
type Grade string

const (
	OK      Grade = "ok"
	Warning Grade = "warning"
	Fault   Grade = "fault"
)

// A Finding is what was found out about one part.
type Finding struct {
	Part  string `json:"part"`
	Grade Grade  `json:"grade"`
	Found string `json:"found"`
	// Mend is what to do, or to type. Empty: nothing.
	Mend string `json:"mend,omitempty"`
}

// examination gathers findings.
type examination struct {
	config *config.Config
	found  []Finding
	// installation is the name of the database's; empty: it has none yet.
	installation string
	now          time.Time
}

func (e *examination) ok(part, format string, args ...any) {
	e.found = append(e.found, Finding{part, OK, fmt.Sprintf(format, args...), ""})
}

func (e *examination) warn(part, mend, format string, args ...any) {
	e.found = append(e.found, Finding{part, Warning, fmt.Sprintf(format, args...), mend})
}

func (e *examination) fault(part, mend, format string, args ...any) {
	e.found = append(e.found, Finding{part, Fault, fmt.Sprintf(format, args...), mend})
}

// Examine looks at all parts. The configuration is as config.Load returned it,
// fault and all.
func Examine(ctx context.Context, c *config.Config, warnings []string, loadFault error) []Finding {
	e := &examination{config: c, now: time.Now()}
	e.configuration(warnings, loadFault)
	e.network()
	e.data(ctx)
	e.between(ctx)
	return e.found
}

func (e *examination) configuration(warnings []string, fault error) {
	const part = "configuration"
	for _, line := range faultLines(fault) {
		e.fault(part, "change it; durin serve --help lists the settings", "%s", line)
	}
	for _, w := range warnings {
		e.warn(part, "take it away, or correct its name", "%s", w)
	}
	switch {
	case fault != nil || len(warnings) > 0:
	case e.config.File != "":
		e.ok(part, "%s and the environment hold no fault", e.config.File)
	default:
		e.ok(part, "no fault in it")
	}
}

// data examines what needs the database.
func (e *examination) data(ctx context.Context) {
	target, err := database.Parse(e.config.DB)
	if err != nil {
		e.fault("database", "change the setting db", "%v", err)
		return
	}
	h, err := database.Open(target, false)
	if errors.Is(err, database.ErrNoFile) {
		if folder := filepath.Dir(target.Path); !isFolder(folder) {
			e.fault("database", "mkdir -p "+folder, "there is no folder %s for it", folder)
			return
		}
		e.warn("database", "durin serve, which makes it", "there is none at %s yet", target)
		e.keysWithout()
		return
	}
	if err != nil {
		e.fault("database", "", "%v", err)
		return
	}
	defer func() { _ = h.Close() }()
	if err := h.Ping(ctx); err != nil {
		if words := target.Explain(err); words.Error() != err.Error() {
			e.fault("database", "", "%v", words)
			return
		}
		e.fault("database", "see that the server runs, and that name and password are right", "%s does not answer: %v", target, err)
		return
	}
	if err := h.Intact(ctx); err != nil {
		e.fault("database", "", "%v", target.Explain(err))
		return
	}
	e.ok("database", "%s answers", target)
	e.permissions(target)
	store := e.schema(ctx, h)
	if store == nil {
		return
	}
	defer func() { _ = store.Close() }()
	e.installation, _ = store.FindInstallation(ctx) // another part has told what is wrong
	e.writes(ctx, target, store)
	e.keys(ctx, store)
	e.auditKeys(ctx, store)
	e.clock(ctx, h, store)
	e.shared(ctx, store)
	e.content(ctx, store)
}

// writes commits a change that means nothing: reading alone tells nothing of a full
// disk, or of a database that may only be read.
func (e *examination) writes(ctx context.Context, target database.Target, store *sqlstore.Store) {
	if err := store.Writable(ctx, e.now); err != nil {
		e.fault("database", "look at the space on its disk, and whether this user may write it", "it takes no changes: %v", target.Explain(err))
	}
}

// schema examines the schema, and opens the store if that is possible.
func (e *examination) schema(ctx context.Context, h *database.Handle) *sqlstore.Store {
	steps, err := h.Plan(ctx)
	switch {
	case errors.Is(err, sqlstore.ErrSchema):
		e.fault("schema", "install the program that made it, or a later one", "%v", err)
		return nil
	case err != nil:
		e.fault("schema", "", "%v", err)
		return nil
	case len(steps) > 0:
		e.fault("schema", "durin migrate", "%d migrations are to come", len(steps))
		return nil
	}
	store, err := h.Store(ctx)
	if err != nil {
		e.fault("schema", "", "%v", err)
		return nil
	}
	e.ok("schema", "up to date")
	return store
}

// keysWithout examines the keys when there is no database.
func (e *examination) keysWithout() {
	ring, err := node.ReadKeys(e.config)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.ok("key", "there is none yet, and nothing that needs one: durin serve makes it")
	case err != nil:
		e.fault("key", "", "%v", err)
	default:
		e.ok("key", "%s", ring)
	}
}

func (e *examination) keys(ctx context.Context, store durin.Store) {
	const all = 1_000_000
	ring, err := node.ReadKeys(e.config)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		e.fault("key", "", "%v", err)
		return
	}
	missing := err != nil
	unknown, err := node.UnknownSeals(ctx, store, ring, all)
	path := node.KeyFile(e.config)
	switch {
	case err != nil:
		e.fault("key", "", "the seals cannot be read: %v", err)
	case missing && unknown > 0:
		e.fault("key", "put the file back; if it is lost for good: durin keyring rotate", "%s is missing, and %d tokens are sealed with its keys: the next login of each replaces it", path, unknown)
	case missing:
		e.ok("key", "there is none yet, and nothing that needs one: durin serve makes %s", path)
	case unknown > 0:
		e.warn("key", "add the old key's line to the key file; if it is lost for good, do nothing", "%d tokens are sealed with keys that are not here: the next login of each replaces it", unknown)
	default:
		e.ok("key", "%s, which opens all seals", ring)
	}
}

// auditKeys examines whether the keys are here that the ends of the audit log were
// signed with.
func (e *examination) auditKeys(ctx context.Context, store audit.Store) {
	if !e.config.Audit {
		return
	}
	heads, err := store.AuditHeads(ctx)
	if err != nil {
		e.fault("audit", "", "the audit log cannot be read: %v", err)
		return
	}
	ring, err := node.ReadKeys(e.config)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return // told already
	}
	missing := map[string][]string{}
	for _, h := range heads {
		for _, id := range []string{h.KeyID, h.FirstKeyID} {
			if id != "" && !ring.Has(id) && !slices.Contains(missing[id], h.Chain) {
				missing[id] = append(missing[id], h.Chain)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(missing)) {
		e.warn("audit", "add the old key's line to the key file; if it is lost for good: durin audit verify --lost-key "+id,
			"the audit log was signed with the key %s, which is not here: nobody can check those rows (%s)", id, strings.Join(missing[id], ", "))
	}
	if len(missing) == 0 {
		e.ok("audit", "signed with keys that are here")
	}
}

// clock compares this machine's clock with the database's, or with what is
// written in a file.
func (e *examination) clock(ctx context.Context, h *database.Handle, store durin.Store) {
	const bearable = 2 * time.Second
	theirs, known, err := h.Clock(ctx)
	if err != nil {
		e.warn("clock", "", "the database does not tell its time: %v", err)
		return
	}
	if !known {
		newest, err := store.Sessions(ctx, browse.Query{Newest: true, Limit: 1, Now: e.now})
		if err == nil && len(newest) > 0 {
			theirs, known = newest[0].Created, newest[0].Created.After(e.now)
		}
	}
	if off := time.Since(theirs).Abs(); known && off > bearable {
		e.warn("clock", "set the clocks right, best by NTP", "this machine's clock and the database's times are %s apart: tokens live longer or shorter than they should", off.Round(time.Second))
		return
	}
	e.ok("clock", "%s", e.now.UTC().Format(time.RFC3339))
}

func (e *examination) shared(ctx context.Context, outbox nodes.Outbox) {
	if _, err := outbox.LastEnding(ctx); err != nil {
		e.fault("outbox", "", "endings of other nodes cannot be read: %v", err)
		return
	}
	e.ok("outbox", "endings of other nodes are heard of")
}

// content examines whether the settings and the rows fit each other.
func (e *examination) content(ctx context.Context, store *sqlstore.Store) {
	if name := e.config.APIAccessClient; name != "" {
		if _, err := store.ClientByName(ctx, name); errors.Is(err, durin.ErrNotFound) {
			e.warn("clients", "durin client create "+name, "the setting api-access-client names %q, and there is no such client", name)
		}
	}
	clients, err := store.Clients(ctx)
	if err == nil && len(clients) == 0 {
		e.warn("clients", "durin client create web", "there is none: nobody can log in")
	}
	users, err := store.Users(ctx, "", 1)
	if err == nil && len(users) == 0 {
		e.warn("users", "durin user create NAME", "there is none: nobody can log in")
	}
}
