package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/durin-go/durin/cmd/durin/internal/backup"
	"github.com/durin-go/durin/cmd/durin/internal/database"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/cmd/durin/internal/output"
	"github.com/spf13/cobra"
)

func (a *app) backup() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy a SQLite database while it is in use",
		Long: `Copy a SQLite database to a file, as it is at one instant, while servers go on
writing to it. The copy is checked, readable by its owner only, and put in place
as a whole. For a database on a server the commands of its own tools are told.

The keys that seal tokens are not in it: keep the key file elsewhere.`,
		Example: `  durin backup durin-backup.db
  durin backup --force /var/backups/durin.db`,
		Args: cobra.ExactArgs(1),
		RunE: a.do(runBackup),
	}
	cmd.Flags().Bool("force", false, "overwrite the file if it is there")
	return cmd
}

func runBackup(r *run) error {
	name := r.args[0]
	force, _ := r.cmd.Flags().GetBool("force")
	target, err := database.Parse(r.config.DB)
	if err != nil {
		return err
	}
	if !target.IsFile() {
		command, restore := backup.Native(target, name)
		return fmt.Errorf("a database on a server is backed up by its own tools; nothing was written. To back it up:\n  %s\nTo put it back, while no server of Durin's runs:\n  %s", command, restore)
	}
	h, err := database.Open(target, false) // whatever version its schema has
	if err != nil {
		return err
	}
	told := r.teller()
	facts, err := backup.Take(r.ctx, h.DB, name, backup.Options{Replace: force, Progress: func(done, of int64) {
		told.tell("backing up: %d of at most %d MB", done>>20, of>>20)
	}})
	told.end()
	if errors.Is(err, fs.ErrExist) {
		err = fmt.Errorf("%s is there already: --force overwrites it", name)
	}
	if err = errors.Join(err, h.Close()); err != nil {
		return err
	}
	return r.showBackup(name, facts)
}

func (r *run) showBackup(name string, f backup.Facts) error {
	var size int64
	if info, err := os.Stat(name); err == nil {
		size = info.Size()
	}
	if r.json {
		return r.out.JSON(struct {
			File  string `json:"file"`
			Bytes int64  `json:"bytes"`
			backup.Facts
		}{name, size, f})
	}
	r.out.Line("Backed up %s to %s.", held(f.Clients, f.Users, f.Sessions), name)
	if len(f.Keys)+len(f.AuditKeys) > 0 && r.config.Key == "" {
		r.err.Line("The keys are not in it: keep a copy of %s elsewhere.", node.KeyFile(r.config))
	}
	return nil
}

// held tells what a database, or a file made from one, holds.
func held[N int | int64](clients, users, sessions N) string {
	return output.Count(clients, "client") + ", " + output.Count(users, "user") + ", " + output.Count(sessions, "session")
}

func (a *app) restore() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup in the place of the SQLite database",
		Long: `Put a backup in the place of the SQLite database that is set. The backup is
checked and brought up to date; what was there is kept beside it under another
name. Stop the servers on it first.

What came after the backup is told. Sessions that were issued since are gone.
Sessions that were ended since are alive again: --keep-ended ends those that the
database which is there has no more, --end-sessions ends all.`,
		Example: `  durin restore durin-backup.db
  durin restore --yes --end-sessions /var/backups/durin.db`,
		Args: cobra.ExactArgs(1),
		RunE: a.do(runRestore),
	}
	confirmable(cmd)
	cmd.Flags().Bool("force", false, "the same as --yes")
	cmd.Flags().Bool("keep-ended", false, "end what was ended since, by the database that is there")
	cmd.Flags().Bool("end-sessions", false, "end all sessions of the backup: everybody logs in again")
	cmd.MarkFlagsMutuallyExclusive("keep-ended", "end-sessions")
	return cmd
}

func runRestore(r *run) (err error) {
	target, err := r.databaseFile()
	if err != nil {
		return err
	}
	restore, err := backup.Prepare(r.ctx, r.args[0], target)
	if errors.Is(err, backup.ErrInUse) {
		return fmt.Errorf("%s is in use: stop the servers on it first; nothing was changed", target)
	}
	if err != nil {
		return fmt.Errorf("nothing was restored: %w", err)
	}
	defer func() { err = errors.Join(err, restore.Close()) }()
	done := restored{Database: target, File: r.args[0], Facts: restore.Facts, Since: restore.Since}
	if done.MissingKeys, err = r.missingKeys(restore.Facts.Keys); err != nil {
		return err
	}
	if done.MissingAuditKeys, err = r.missingKeys(restore.Facts.AuditKeys); err != nil {
		return err
	}
	r.tellRestore(restore, done.MissingKeys, done.MissingAuditKeys)
	if force, _ := r.cmd.Flags().GetBool("force"); restore.Present && !force {
		if err := r.confirmed(fmt.Sprintf("Put %s in the place of %s?", r.args[0], target), "nothing was restored"); err != nil {
			return err
		}
	}
	if done.Ended, err = r.endRestored(restore); err != nil {
		return err
	}
	if done.Aside, err = restore.Put(r.now()); err != nil {
		return err
	}
	return r.showRestored(done)
}

// restored is what a restore has done.
type restored struct {
	Database    string        `json:"database"`
	File        string        `json:"file"`
	Aside       string        `json:"aside"` // empty: there was nothing
	Ended       int64         `json:"sessions_ended_now"`
	Since       *backup.Since `json:"since"` // null: not known
	MissingKeys []string      `json:"missing_keys"`
	// MissingAuditKeys are those that the audit log was signed with.
	MissingAuditKeys []string `json:"missing_audit_keys"`
	backup.Facts
}

// databaseFile is the path of the database that is set, if it is a file.
func (r *run) databaseFile() (string, error) {
	target, err := database.Parse(r.config.DB)
	if err != nil {
		return "", err
	}
	if target.IsFile() {
		return target.Path, nil
	}
	_, command := backup.Native(target, r.args[0])
	return "", fmt.Errorf("a database on a server is restored by its own tools; nothing was changed. While no server of Durin's runs:\n  %s", command)
}

// missingKeys are those of needed that are not in the settings' keys.
func (r *run) missingKeys(needed []string) ([]string, error) {
	ring, err := node.ReadKeys(r.config)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	missing := []string{}
	for _, id := range needed {
		if !ring.Has(id) {
			missing = append(missing, id)
		}
	}
	return missing, nil
}

// tellRestore tells, before anything is done, what the backup is and what came
// after it.
func (r *run) tellRestore(restore *backup.Restore, missing, missingAudit []string) {
	f := restore.Facts
	r.err.Line("The backup has %s. Its last token was issued: %s; the last ending that it remembers: %s.", held(f.Clients, f.Users, f.Sessions), orNever(f.LastIssued), orNever(f.LastEnded))
	switch s := restore.Since; {
	case s != nil:
		r.err.Line("Since then, by the database that is there:")
		r.err.Line("  sessions: %d issued, which will be gone; %d ended, which will be alive again", s.Issued, s.Ended)
		r.err.Line("  users: %d made, %d changed, %d deleted; clients: %d made, %d deleted", s.UsersMade, s.UsersChanged, s.UsersDeleted, s.ClientsMade, s.ClientsDeleted)
	case restore.Unreadable != nil:
		r.err.Line("What came after cannot be told: the database that is there cannot be read (%v).", restore.Unreadable)
		fallthrough
	default:
		r.err.Line("Sessions that were issued since are gone; those that were ended since are alive again. --end-sessions ends all.")
	}
	if len(missing) > 0 {
		r.err.Line("MISSING KEYS: %s. Put the key file of then at %s before you start the server: without it a login ends the user's token of that client and issues a new one.", strings.Join(missing, ", "), node.KeyFile(r.config))
	}
	if len(missingAudit) > 0 {
		r.err.Line("The audit log was signed with keys that are not here: %s. Without the key file of then at %s nobody can check those rows; if it is lost for good, durin audit verify takes --lost-key.", strings.Join(missingAudit, ", "), node.KeyFile(r.config))
	}
}

func orNever(t *time.Time) string {
	if t == nil {
		return "none"
	}
	return instant(*t, "none")
}

// endRestored ends what the flags say.
func (r *run) endRestored(restore *backup.Restore) (int64, error) {
	if all, _ := r.cmd.Flags().GetBool("end-sessions"); all {
		n, err := restore.EndAll(r.ctx, r.now())
		return int64(n), err
	}
	if ended, _ := r.cmd.Flags().GetBool("keep-ended"); ended {
		return restore.EndEnded(r.ctx)
	}
	return 0, nil
}

func (r *run) showRestored(done restored) error {
	if r.json {
		return r.out.JSON(done)
	}
	r.out.Line("Restored %s from %s.", filepath.Base(done.Database), done.File)
	if done.Ended > 0 {
		r.out.Line("%d of its sessions were ended.", done.Ended)
	}
	if done.Aside != "" {
		r.out.Line("What was there is in %s.", done.Aside)
	}
	return nil
}
