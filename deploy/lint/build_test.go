package lint

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// context makes a folder with the files of the build's context: those of the
// repository.
func context(t *testing.T) string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = "../.."
	names, err := list.Output()
	if err != nil {
		t.Skipf("this is no clone: %v", err)
	}
	dir := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimRight(string(names), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			continue // deleted, and not committed yet
		}
		put(t, filepath.Join(dir, name), text)
	}
	return dir
}

func put(t *testing.T, file string, text []byte) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(file), 0o700)
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// copyInto does what COPY does with files of the context.
func copyInto(t *testing.T, from, work string, c *instructions.CopyCommand) {
	t.Helper()
	for _, source := range c.SourcePaths {
		info, err := os.Stat(filepath.Join(from, source))
		if err != nil {
			t.Fatalf("%s: %v", c, err)
		}
		target := filepath.Join(work, c.DestPath)
		if !info.IsDir() {
			text, err := os.ReadFile(filepath.Join(from, source))
			if err != nil {
				t.Fatal(err)
			}
			put(t, filepath.Join(target, filepath.Base(source)), text)
		} else if out, err := exec.CommandContext(t.Context(), "cp", "-R", filepath.Join(from, source)+"/.", target).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", c, err, out)
		}
	}
}

// TestImageIsBuilt does what the Containerfile's first stage says, in a folder, and
// looks at what would be in the image: a program that needs nothing else.
func TestImageIsBuilt(t *testing.T) {
	from, work := context(t), t.TempDir()
	environ := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "GO") && !strings.HasPrefix(v, "GOPROXY=") && !strings.HasPrefix(v, "GOCACHE=") && !strings.HasPrefix(v, "GOMODCACHE=")
	})
	runs := 0
	for _, c := range stages(t)[0].Commands {
		switch c := c.(type) {
		case *instructions.EnvCommand:
			for _, v := range c.Env {
				environ = append(environ, v.Key+"="+v.Value)
			}
		case *instructions.ArgCommand:
			for _, v := range c.Args {
				environ = append(environ, v.Key+"="+v.ValueString())
			}
		case *instructions.CopyCommand:
			copyInto(t, from, work, c)
		case *instructions.RunCommand:
			runs++
			run := exec.CommandContext(t.Context(), "sh", "-c", strings.Join(c.CmdLine, " "))
			run.Dir, run.Env = work, append(environ, "PWD="+work)
			if out, err := run.CombinedOutput(); err != nil {
				t.Fatalf("RUN %s: %v\n%s", strings.Join(c.CmdLine, " "), err, out)
			}
		case *instructions.WorkdirCommand: // the folder is the stage's
		default:
			t.Fatalf("%s is not known here", c.Name())
		}
	}
	if runs == 0 {
		t.Fatal("the stage runs nothing")
	}
	program := filepath.Join(work, "out/usr/bin/durin")
	binary, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = binary.Close() }()
	for _, p := range binary.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the program needs libraries, which the image does not have")
		}
	}
	if out, err := exec.CommandContext(t.Context(), program, "version").CombinedOutput(); err != nil || !strings.Contains(string(out), "durin 0.0.0-container ") {
		t.Errorf("version: %v\n%s", err, out)
	}
	for name, want := range map[string]string{"passwd": "durin:x:65532:65532:", "group": "durin:x:65532:", "ssl/certs/ca-certificates.crt": "BEGIN CERTIFICATE"} {
		if text := read(t, filepath.Join(work, "out/etc", name)); !strings.Contains(text, want) {
			t.Errorf("/etc/%s has no %s", name, want)
		}
	}
	if left, err := os.ReadDir(filepath.Join(work, "data")); err != nil || len(left) > 0 {
		t.Errorf("the folder of data: %v, %v", left, err)
	}
}
