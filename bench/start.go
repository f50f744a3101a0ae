package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/durin-go/durin/bench/internal/measure"
)

// f10 starts the program on a file that is there, and measures the time to the
// first answer and the memory of the idle server.
func (s *suite) f10() error {
	binary := filepath.Join(s.dir, "durin")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	build := exec.CommandContext(s.ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "github.com/durin-go/durin/cmd/durin")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the program: %w\n%s", err, out)
	}
	if info, err := os.Stat(binary); err == nil {
		s.value("F10", "size of the program", measure.Series{float64(info.Size()) / (1 << 20)}, "MiB", 0)
	}
	var times, memory measure.Series
	for i := range max(3, s.rounds/2) + 1 {
		took, resident, err := s.startProgram(binary)
		if err != nil {
			return err
		}
		if i == 0 {
			continue // it makes the file
		}
		times = append(times, float64(took)/float64(time.Millisecond))
		if resident > 0 {
			memory = append(memory, float64(resident)/(1<<20))
		}
	}
	s.value("F10", "start to first answer, existing file", times, "ms", 150)
	if len(memory) > 0 {
		s.value("F10", "resident memory, idle for a second", memory, "MiB", 40)
	}
	return nil
}

// startProgram starts the program, asks it until it answers, and stops it.
func (s *suite) startProgram(binary string) (took time.Duration, resident int64, err error) {
	file := filepath.Join(s.dir, "addr")
	_ = os.Remove(file)
	cmd := exec.CommandContext(s.ctx, binary, "serve", "--addr", "127.0.0.1:0", "--addr-file", file, "--db", filepath.Join(s.dir, "program.db"))
	cmd.Dir = s.dir
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	defer func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if stopped := cmd.Wait(); err == nil && stopped != nil && runtime.GOOS != "windows" {
			err = stopped
		}
	}()
	for deadline := began.Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return 0, 0, errors.New("the program does not answer")
		}
		addr, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if err := get(s.ctx, "http://"+strings.TrimSpace(string(addr))+"/api/auth/sessions/"); err == nil {
			break
		}
	}
	took = time.Since(began)
	time.Sleep(time.Second)
	resident, _, _ = residentOf(cmd.Process.Pid)
	return took, resident, nil
}

// get asks for a page that a caller without a token must not see.
func get(ctx context.Context, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusUnauthorized {
		return fmt.Errorf("answered with %d", answer.StatusCode)
	}
	return nil
}
