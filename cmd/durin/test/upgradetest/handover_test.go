//go:build unix

package upgradetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/durin-go/durin/client"
	"github.com/durin-go/durin/cmd/durin/test/programtest"
	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// TestHandOver replaces the program on one node, again and again: by wrk over
// connections that stay open and over new ones, by the Go client, by log-ins and
// log-outs that nobody sends twice, no request fails.
func TestHandOver(t *testing.T) {
	first, second := build(t, "v1", thisTree), build(t, "v2", thisTree)
	w := newWorld(t, "", first)
	n := w.add(first, "--pid-file", "pid0")
	handOver(t, w, n, []string{second, first, second})
}

// handOver upgrades a node through a list of programs.
func handOver(t *testing.T, w *world, n *node, programs []string) {
	t.Helper()
	rounds := 1
	if long {
		rounds = 10
	}
	l := newLoad(t)
	api := "http://" + n.Addr + "/api/auth/"
	wrk := []*wrk{n.wrk("-c8"), n.wrk("-c4", "-HConnection: close")}
	l.checks(api, w.token)
	l.goClient(api)
	l.writes(api)
	for i := range rounds * len(programs) {
		before := l.count()
		n.Eventually("there is load", func() bool { return l.count() > before+20 })
		n.upgrade(programs[i%len(programs)])
	}
	before := l.count()
	n.Eventually("there is load", func() bool { return l.count() > before+20 })
	l.end()
	sent := 0
	for _, one := range wrk {
		sent += one.end(t)
	}
	t.Logf("%d upgrades, %d requests of wrk, %d others; none failed: %v", rounds*len(programs), sent, l.count(), !t.Failed())
	l.holds(api)
}

// upgrade replaces the program by the signal, and waits until the old process
// has ended.
func (n *node) upgrade(program string) {
	n.w.t.Helper()
	old := n.pid()
	n.install(program)
	n.signal(syscall.SIGUSR2)
	n.Eventually("another process serves", func() bool { return n.pid() != old })
	began := time.Now()
	n.Eventually("the old process ends", func() bool { return ended(old) })
	n.w.t.Logf("the old process ended %v after the new one was there", time.Since(began).Round(time.Millisecond))
	running, err := os.Stat(fmt.Sprintf("/proc/%d/exe", n.pid()))
	installed, statErr := os.Stat(n.Program)
	if err == nil && statErr == nil && !os.SameFile(running, installed) {
		n.w.t.Error("the new process is not the new program")
	}
}

// checks sends requests over connections that are kept, and over new ones.
func (l *load) checks(api, token string) {
	for _, c := range []*http.Client{newClient(), {Timeout: waitTime, Transport: &http.Transport{DisableKeepAlives: true}}} {
		l.repeat("a check", func() error {
			_, err := request(c, "GET", api+"sessions/", token, nil, http.StatusOK)
			return err
		})
	}
}

// goClient uses the client of this repository.
func (l *load) goClient(api string) {
	c, err := client.New(client.Options{URL: api, Client: "web", Transport: newClient().Transport})
	if err == nil {
		_, err = c.Login(l.t.Context(), userName, password)
	}
	if err != nil {
		l.t.Fatal(err)
	}
	l.repeat("the Go client", func() error {
		res, err := c.HTTP().Get(api + "sessions/")
		if err != nil {
			return err
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return errors.New(res.Status)
		}
		return nil
	})
}

// writes logs in and out.
func (l *load) writes(api string) {
	c := newClient()
	l.repeat("a write", func() error {
		token, err := login(c, api)
		if err != nil {
			return err
		}
		l.note(&l.issued, token)
		if token, err = login(c, api); err != nil {
			return err
		}
		if _, err = request(c, "POST", api+"logout/", token, url.Values{}, http.StatusNoContent); err == nil {
			l.note(&l.gone, token)
		}
		return err
	})
}

func login(c *http.Client, api string) (string, error) {
	text, err := request(c, "POST", api+"login/", "", programtest.Credentials(userName, password, "many"), http.StatusOK)
	if err != nil {
		return "", err
	}
	var in struct{ Token string }
	err = json.Unmarshal([]byte(text), &in)
	return in.Token, err
}

func (l *load) note(list *[]string, token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*list = append(*list, token)
}

// holds asks about everything that was acknowledged.
func (l *load) holds(api string) {
	l.t.Helper()
	c := newClient()
	for _, token := range l.issued {
		if _, err := request(c, "GET", api+"sessions/", token, nil, http.StatusOK); err != nil {
			l.t.Errorf("an acknowledged token: %v", err)
		}
	}
	for _, token := range l.gone {
		if _, err := request(c, "GET", api+"sessions/", token, nil, http.StatusUnauthorized); err != nil {
			l.t.Errorf("an acknowledged log-out: %v", err)
		}
	}
	if len(l.issued) == 0 || len(l.gone) == 0 {
		l.t.Errorf("%d log-ins and %d log-outs only", len(l.issued), len(l.gone))
	}
}

// A wrk is the program of that name, which repeats nothing.
type wrk struct {
	cmd *exec.Cmd
	out strings.Builder
}

func (n *node) wrk(more ...string) *wrk {
	n.w.t.Helper()
	args := append([]string{"-t1", "-d3600s", "--timeout", "60s", "-HAuthorization: Token " + n.w.token}, more...)
	k := &wrk{cmd: exec.Command(servers.Program(n.w.t, "wrk", "wrk"), append(args, "http://"+n.Addr+"/api/auth/sessions/")...)}
	k.cmd.Stdout, k.cmd.Stderr = &k.out, &k.out
	if err := k.cmd.Start(); err != nil {
		n.w.t.Fatal(err)
	}
	n.w.t.Cleanup(func() { _ = k.cmd.Process.Kill() })
	return k
}

var sentLine = regexp.MustCompile(`(\d+) requests in `)

// end stops wrk and returns how many requests it sent. It has counted errors of
// sockets and answers of other kinds, and tells if there were any.
func (k *wrk) end(t *testing.T) int {
	t.Helper()
	_ = k.cmd.Process.Signal(os.Interrupt)
	done := make(chan error, 1)
	go func() { done <- k.cmd.Wait() }()
	select {
	case <-done:
	case <-time.After(waitTime):
		_ = k.cmd.Process.Kill()
		<-done
	}
	m := sentLine.FindStringSubmatch(k.out.String())
	if m == nil || strings.Contains(k.out.String(), "errors") || strings.Contains(k.out.String(), "Non-2xx") {
		t.Errorf("wrk: %s", k.out.String())
		return 0
	}
	n, _ := strconv.Atoi(m[1])
	return n
}
