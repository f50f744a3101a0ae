package nodestest

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/durin-go/durin/cmd/durin/test/programtest"
)

// stormMemory is what a server may take at most while a thousand log in at once,
// in MiB: docs/security.md, "Storms of logins". 19 of them for each core are
// hashes. It is both processes together: the one that computes them, too.
func stormMemory() int { return 160 + 2*19*runtime.NumCPU() }

// A thousand logins at once: those that find no place in the queue hear when to
// come again, tokens are checked meanwhile, and memory is bounded.
func TestAThousandLoginsAtOnce(t *testing.T) {
	const logins = 1000
	c := newCluster(t, filepath.Join(t.TempDir(), "durin.db"))
	n := c.add(c.at)
	user, token := c.user().Name, c.tokens(1)[0]
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	form := programtest.Credentials(user, pass, "web")
	var good, busy atomic.Int64
	var all sync.WaitGroup
	for range logins {
		all.Go(func() {
			req, err := programtest.NewRequest(http.MethodPost, n.URL(programtest.LoginPath), "", form)
			if err != nil {
				t.Error(err)
				return
			}
			res, err := programtest.Send(n.HTTP, req.WithContext(ctx))
			if err != nil {
				return // stopped
			}
			switch {
			case res.StatusCode == http.StatusOK:
				if good.Add(1) == 20 { // the rest would only take time
					stop()
				}
			case res.StatusCode == http.StatusServiceUnavailable && res.Header.Get("Retry-After") != "":
				busy.Add(1)
			default:
				t.Errorf("a login is answered with %d, Retry-After %q", res.StatusCode, res.Header.Get("Retry-After"))
			}
		})
	}
	for ctx.Err() == nil {
		if status := n.check(token); status != http.StatusOK {
			t.Errorf("a check meanwhile: %d", status)
			break
		}
	}
	all.Wait()
	queue := 257 * runtime.NumCPU()
	if good.Load() < 20 || logins > queue && busy.Load() == 0 {
		t.Errorf("%d logins and %d refusals", good.Load(), busy.Load())
	}
	server, hashes := peak(t, n.Cmd.Process.Pid), 0
	for _, pid := range children(n.Cmd.Process.Pid) {
		hashes += peak(t, pid)
	}
	if server+hashes > stormMemory() {
		t.Errorf("the server took %d MiB and the hashes %d, at most %d are promised", server, hashes, stormMemory())
	} else {
		t.Logf("%d logins, %d refusals; the server took %d MiB at most, the hashes %d", good.Load(), busy.Load(), server, hashes)
	}
	if server > 0 && hashes == 0 {
		t.Error("no process computes hashes")
	}
}

// children are the processes that a process has started, where the system tells.
func children(pid int) []int {
	var pids []int
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, file := range files {
		text, _ := os.ReadFile(file)
		for _, field := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// peak is the most memory that a process ever had, in MiB; 0 where the system
// does not tell.
func peak(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(text) {
		if fields := strings.Fields(string(line)); len(fields) > 1 && fields[0] == "VmHWM:" {
			kib, err := strconv.Atoi(fields[1])
			if err != nil {
				t.Fatal(err)
			}
			return kib >> 10
		}
	}
	return 0
}
