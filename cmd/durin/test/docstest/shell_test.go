package docstest

import (
	"bufio"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A shell is one bash that goes through a page.
type shell struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func (p *place) shell(t *testing.T) *shell {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash")
	cmd.Env, cmd.Dir = p.Env, p.Dir
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	return &shell{cmd, in, bufio.NewReader(out)}
}

const mark = "-- end of step, status "

// run gives the shell a command, and returns what it wrote and its status. The
// command's standard input is empty.
func (s *shell) run(t *testing.T, command string) (output string, status int) {
	t.Helper()
	// A group in braces runs in the shell itself: its variables and its folder stay.
	if _, err := io.WriteString(s.in, "{ "+command+"\n} </dev/null; printf '\\n"+mark+"%d\\n' $?\n"); err != nil {
		t.Fatalf("the shell: %v", err)
	}
	timer := time.AfterFunc(stepTime, func() { _ = s.cmd.Process.Kill() })
	defer timer.Stop()
	var text strings.Builder
	for {
		line, err := s.out.ReadString('\n')
		if err != nil {
			t.Fatalf("$ %s\nthe shell: %v\n%s%s", command, err, text.String(), line)
		}
		if number, ok := strings.CutPrefix(line, mark); ok {
			status, _ = strconv.Atoi(strings.TrimSpace(number))
			return strings.TrimSuffix(text.String(), "\n"), status
		}
		text.WriteString(line)
	}
}
