package cli

import (
	"context"
	"io"
	"os"

	"github.com/durin-go/durin/cmd/durin/internal/database"
	"github.com/durin-go/durin/memstore"
)

// tried goes through an import in memory where there is no database file yet, so
// that a dump which cannot be taken leaves none behind, and no key. It returns the
// source to be read once more; done frees it.
func (r *run) tried(do importFunc, src io.Reader) (again io.Reader, done func(), err error) {
	done = func() {}
	target, err := database.Parse(r.config.DB)
	if dry, _ := r.cmd.Flags().GetBool("dry-run"); err != nil || dry || !target.IsFile() {
		return src, done, err
	}
	if _, err := os.Stat(target.Path); err == nil {
		return src, done, nil
	}
	file, _ := src.(*os.File)
	if _, err := file.Seek(0, io.SeekCurrent); err != nil { // a pipe, or no file at all
		if file, err = os.CreateTemp("", "durin-import-*"); err != nil { // mode 0600
			return nil, done, err
		}
		done = func() { _ = file.Close(); _ = os.Remove(file.Name()) }
		if _, err := io.Copy(file, src); err != nil {
			done()
			return nil, done, err
		}
	}
	return file, done, r.try(r.ctx, do, file)
}

func (r *run) try(ctx context.Context, do importFunc, file *os.File) error {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	opts := r.importOptions(true)
	told := r.teller()
	opts.Progress = told.importing
	report, err := do(ctx, file, memstore.New(), opts)
	told.end()
	if err != nil {
		return r.outcome(report, err)
	}
	_, err = file.Seek(0, io.SeekStart)
	return err
}
