//go:build unix

package systemd

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestManager(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	line, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = line.Close() }()
	m := ManagerOf([]string{"HOME=/", "NOTIFY_SOCKET=" + path})
	for want, tell := range map[string]func() error{
		"READY=1": m.Ready, "RELOADING=1": m.Reloading, "STOPPING=1": m.Stopping, "STATUS=serving; the upgrade failed": m.NotReplaced,
		"MAINPID=17\nREADY=1": func() error { return m.Replaced(17) },
	} {
		if err := tell(); err != nil {
			t.Fatal(err)
		}
		_ = line.SetReadDeadline(time.Now().Add(10 * time.Second))
		got := make([]byte, 1024)
		n, err := line.Read(got)
		if err != nil || !strings.Contains(string(got[:n]), want) {
			t.Errorf("heard %q, %v; want %s", got[:n], err, want)
		}
	}
	if err := ManagerOf(nil).Ready(); err != nil {
		t.Errorf("without a manager: %v", err)
	}
	if err := (Manager{path + "x"}).Ready(); err == nil {
		t.Error("a manager that is not there hears")
	}
}
