// Command modzip lays a module of a repository into a folder, in the form that module
// proxies have (go.dev/ref/mod, "GOPROXY protocol"): what the go command will get once
// the commit is tagged and pushed.
//
//	modzip REPOSITORY REVISION FOLDER-OF-THE-MODULE MODULE VERSION PROXY
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

func main() {
	if len(os.Args) != 7 {
		fmt.Fprintln(os.Stderr, "modzip REPOSITORY REVISION FOLDER-OF-THE-MODULE MODULE VERSION PROXY")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], module.Version{Path: os.Args[4], Version: os.Args[5]}, os.Args[6]); err != nil {
		fmt.Fprintln(os.Stderr, "modzip:", err)
		os.Exit(1)
	}
}

func run(repository, revision, folder string, m module.Version, proxy string) error {
	escaped, err := module.EscapePath(m.Path)
	if err != nil {
		return err
	}
	at := filepath.Join(proxy, filepath.FromSlash(escaped), "@v")
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	show := exec.Command("git", "-C", repository, "show", revision+":"+filepath.ToSlash(filepath.Join(folder, "go.mod")))
	text, err := show.Output()
	if err != nil {
		return fmt.Errorf("go.mod: %w", err)
	}
	if folder == "." {
		folder = ""
	}
	out, err := os.Create(filepath.Join(at, m.Version+".zip"))
	if err != nil {
		return err
	}
	return errors.Join(
		zip.CreateFromVCS(out, m, repository, revision, folder), out.Close(),
		os.WriteFile(filepath.Join(at, m.Version+".mod"), text, 0o644),
		os.WriteFile(filepath.Join(at, m.Version+".info"), fmt.Appendf(nil, "{\"Version\":%q}\n", m.Version), 0o644),
		os.WriteFile(filepath.Join(at, "list"), []byte(m.Version+"\n"), 0o644),
	)
}
