package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/durin-go/durin/bench/internal/dataset"
	"github.com/durin-go/durin/bench/internal/load"
	"github.com/durin-go/durin/bench/internal/measure"
	"github.com/durin-go/durin/bench/internal/target"
)

// f6 measures what a login costs beside the hash: with a password check that
// costs nothing, on a file where a commit is on the disk before its answer.
func (s *suite) f6() error {
	n := s.size
	path, err := s.fileOf("login.db", n)
	if err != nil {
		return err
	}
	h, stop, err := target.Program(s.ctx, path, 0, nil, target.Free{}, http.HandlerFunc(hello))
	if err != nil {
		return err
	}
	defer stop()
	plain, err := dataset.Open(filepath.Join(s.dir, "plain.db"))
	if err != nil {
		return err
	}
	defer plain.Close()
	if _, err := plain.Writer.Exec("CREATE TABLE IF NOT EXISTS token (digest BLOB PRIMARY KEY, user TEXT NOT NULL) WITHOUT ROWID"); err != nil {
		return err
	}
	var failed error
	login := func(i uint64) {
		user := measure.Scatter(i, n/dataset.TokensPerUser) + 1
		r := httptest.NewRequest(http.MethodPost, "/api/auth/login/", strings.NewReader(target.LoginBody(user, "any")))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			failed = fmt.Errorf("a login was answered with %d: %s", w.Code, w.Body)
		}
	}
	insert := func(uint64) {
		if _, err := plain.Writer.Exec("INSERT INTO token VALUES (randomblob(32), 'user')"); err != nil {
			failed = err
		}
	}
	all, err := measure.Interleave(s.rounds,
		measure.EachOnWall("insert", 1, 2*s.long, insert),
		measure.EachOnWall("login", 1, 2*s.long, login),
	)
	if err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	s.value("F6", "login beyond the password hash, its token replaced", all[1].Times(1e-6), "ms", 1)
	s.ratio("F6", "the same / one bare insert, synced to the disk", all[1].Times(1e-6), all[0].Times(1e-6), "ms", 0, false)
	return nil
}

// checkRate is how many tokens are checked a second beside logins.
const checkRate = 1000

// f7 compares the latency of token checks beside a thousand parallel logins with
// that without them, at the same rate of checks, on cores that do not sleep: the
// hashes keep them awake, and where there are none, a process that does nothing.
func (s *suite) f7() error {
	for _, n := range []int{0, runtime.NumCPU()} {
		if err := s.f7With(n); err != nil {
			return err
		}
	}
	return nil
}

// f7With is f7 with that many hashes at a time in a process of their own, or none: the
// default of a library user.
func (s *suite) f7With(hashes int) error {
	n := s.size
	path, err := s.fileOf(fmt.Sprintf("storm%d.db", hashes), n)
	if err != nil {
		return err
	}
	c, err := startChild(s.ctx, program, path, "-hashing", fmt.Sprint(hashes))
	if err != nil {
		return err
	}
	defer c.stop()
	var checks, entries [][]byte
	for i := range s.logins { // of the first users; others log in
		checks = append(checks, load.Get("/", "Authorization: Token "+dataset.Token(i).Reveal()))
		entries = append(entries, load.Post("/api/auth/login/", target.LoginBody(s.logins/dataset.TokensPerUser+2+i, userPassword)))
	}
	plan := load.Plan{Addr: c.addr, Requests: checks, Conns: conns, For: 20 * s.long, Rate: checkRate}
	storm := load.Plan{Addr: c.addr, Requests: entries, Conns: s.logins, For: time.Hour, Patient: true} // until it is cut off
	quantiles := []float64{0.5, 0.9, 0.99, 0.999, 1}
	calm, stormy := make([]measure.Series, len(quantiles)), make([]measure.Series, len(quantiles))
	look := func(into []measure.Series) error {
		r, err := load.Run(s.ctx, plan)
		if err != nil {
			return err
		}
		if r.Good() != len(r.Latencies) {
			return fmt.Errorf("checks were answered %v", r.Status)
		}
		for i, q := range quantiles {
			into[i] = append(into[i], float64(r.Percentile(q))/float64(time.Millisecond))
		}
		return nil
	}
	without := func(into []measure.Series) error {
		busy, err := stayAwake(s.ctx)
		if err != nil {
			return err
		}
		defer busy.stop()
		return look(into)
	}
	if err := without(make([]measure.Series, len(quantiles))); err != nil {
		return err
	}
	idle, _, _ := residentOf(c.cmd.Process.Pid)
	var good measure.Series
	for range max(3, s.rounds/4) {
		if err := without(calm); err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(s.ctx)
		type outcome struct {
			load.Result
			error
		}
		over := make(chan outcome, 1)
		go func() {
			r, err := load.Run(ctx, storm)
			over <- outcome{r, err}
		}()
		time.Sleep(10 * s.long) // until the storm blows
		err := look(stormy)
		cancel()
		o := <-over
		if err != nil {
			return err
		}
		if o.error != nil {
			return o.error
		}
		good = append(good, o.PerSecond())
		time.Sleep(20 * s.long) // until a thousand connections are closed at both ends
	}
	_, most, _ := residentOf(c.cmd.Process.Pid)
	for _, pid := range childrenOf(c.cmd.Process.Pid) {
		_, hashes, _ := residentOf(pid)
		most += hashes
	}
	by := ", as a library"
	if hashes > 0 {
		by = fmt.Sprintf(", in the program (%d hashed at a time)", hashes)
	}
	s.ratio("F7", "p99 of checks beside "+thousands(s.logins)+" logins / without"+by, stormy[2], calm[2], "ms", 2, false)
	s.ratio("F7", "the same, median", stormy[0], calm[0], "ms", 0, false)
	s.ratio("F7", "the same, p99.9", stormy[3], calm[3], "ms", 0, false)
	s.value("F7", "good logins meanwhile"+by, good, "a second", 0)
	if most > 0 {
		s.value("F6", "memory of the server: before the logins"+by, measure.Series{float64(idle) / (1 << 20)}, "MiB", 0)
		s.value("F6", "the same, at most during them", measure.Series{float64(most) / (1 << 20)}, "MiB", 0)
	}
	for i, q := range quantiles {
		s.curve("latency", "without logins", q, calm[i])
		s.curve("latency", thousands(s.logins)+" logins"+by, q, stormy[i])
	}
	return nil
}
