package docstest

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/test/programtest"
	"github.com/durin-go/durin/cmd/durin/test/servers"
)

func TestMain(m *testing.M) { programtest.Main(m) }

const (
	goRun     = "go run ./cmd/durin"
	usualAddr = "127.0.0.1:8000"
	stepTime  = 2 * time.Minute
)

// A place is where a page's commands are run.
type place struct {
	*programtest.Server
	addr  string   // of the server: the same however often it is started
	flags []string // with which it was started last; nil: it does not run
}

// newPlace has the program, by its name, and nothing else.
func newPlace(t *testing.T) *place {
	t.Helper()
	program, folder := programtest.Itself(t), t.TempDir()
	env := []string{"PATH=" + filepath.Dir(program) + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + folder, "LC_ALL=C.UTF-8", "TMPDIR=" + t.TempDir()}
	p := &place{
		Server: &programtest.Server{T: t, Program: program, Dir: folder, Env: env},
		addr:   "127.0.0.1:" + strconv.Itoa(servers.Port(t)),
	}
	t.Cleanup(p.stop) // also what a hand-over has left
	return p
}

func (p *place) file(name string) string { return filepath.Join(p.Dir, name) }

// serve starts a server, in the place of the one that runs, and waits until it is
// ready.
func (p *place) serve(flags ...string) {
	p.T.Helper()
	p.stop()
	p.flags = append([]string{}, flags...)
	p.Args = append(slices.Clone(flags), "--addr", p.addr, "--pid-file", p.file("durin.pid"))
	p.Start()
	p.Eventually("the server tells its process", func() bool { return p.pid() > 0 })
}

// pid is the process that serves; zero when none does.
func (p *place) pid() int {
	text, _ := os.ReadFile(p.file("durin.pid"))
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}

// stop ends the server, if one runs, or the one that has taken its place.
func (p *place) stop() {
	p.T.Helper()
	if p.flags == nil {
		return
	}
	p.flags = nil
	if pid := p.pid(); pid > 0 {
		_ = syscall.Kill(pid, syscall.SIGTERM)
		p.Eventually("the server ends", func() bool { return !runs(pid) })
	}
	_ = os.Remove(p.file("durin.pid"))
}

// runs reports that a process is there, and does not only wait for its parent.
func runs(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	state, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, after, _ := strings.Cut(string(state), ") ")
	return err != nil || !strings.HasPrefix(after, "Z")
}
