// Package load sends HTTP requests over connections that stay open, with as
// little work of its own as it can: it shares the processor with what it
// measures.
package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A Plan says what to send.
type Plan struct {
	Addr     string
	Requests [][]byte // each whole, as sent; they take turns
	Conns    int
	For      time.Duration // zero: until each request was sent once
	// Rate is how many requests all connections together send a second.
	// Zero: each sends the next one when it has the answer.
	Rate float64
	// Patient connections wait after a 503: for a second, half of it more or
	// less, so that they do not come back all at once.
	Patient bool
}

// A Result is what came of it.
type Result struct {
	Took      time.Duration
	Latencies []time.Duration // of all answers, sorted
	Status    map[int]int     // how many answers had which
}

// Good is the number of answers with the status 200.
func (r Result) Good() int { return r.Status[200] }

// PerSecond is the rate of good answers.
func (r Result) PerSecond() float64 { return float64(r.Good()) / r.Took.Seconds() }

// Percentile is the latency that the part q of all answers did not exceed.
func (r Result) Percentile(q float64) time.Duration {
	if len(r.Latencies) == 0 {
		return 0
	}
	return r.Latencies[min(len(r.Latencies)-1, int(q*float64(len(r.Latencies))))]
}

// Get is a GET request with one more header line, where line is not empty.
func Get(path, line string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: localhost\r\n", path)
	if line != "" {
		b.WriteString(line + "\r\n")
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

// Post is a POST request with a JSON body.
func Post(path, body string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
}

// Run sends what p says until its time is over or ctx ends.
func Run(ctx context.Context, p Plan) (Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var done sync.WaitGroup
	workers := make([]*worker, p.Conns)
	began := time.Now()
	for i := range workers {
		w := &worker{plan: p, next: i * len(p.Requests) / p.Conns, status: map[int]int{}}
		if p.For == 0 {
			w.left = (i+1)*len(p.Requests)/p.Conns - w.next
		}
		if p.Rate > 0 {
			w.every = time.Duration(float64(p.Conns) / p.Rate * float64(time.Second))
			w.due = began.Add(w.every * time.Duration(i) / time.Duration(p.Conns))
		}
		workers[i] = w
		done.Go(func() {
			if w.err = w.run(ctx, began.Add(p.For)); w.err != nil {
				cancel()
			}
		})
	}
	done.Wait()
	r := Result{Took: time.Since(began), Status: map[int]int{}}
	var faults []error
	for _, w := range workers {
		r.Latencies = append(r.Latencies, w.latencies...)
		for code, n := range w.status {
			r.Status[code] += n
		}
		if w.err != nil && !errors.Is(w.err, context.Canceled) && !errors.Is(w.err, net.ErrClosed) {
			faults = append(faults, w.err)
		}
	}
	slices.Sort(r.Latencies)
	return r, errors.Join(faults...)
}

// A worker is one connection.
type worker struct {
	plan       Plan
	next       int
	left       int // requests to send, where that is what ends it
	every      time.Duration
	due        time.Time
	latencies  []time.Duration
	status     map[int]int
	err        error
	lastAnswer time.Time
}

func (w *worker) run(ctx context.Context, end time.Time) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", w.plan.Addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	in := bufio.NewReaderSize(conn, 4096)
	for {
		began, err := w.wait(ctx)
		if err != nil {
			return err
		}
		if w.plan.For > 0 && began.After(end) || w.plan.For == 0 && w.left == 0 {
			return nil
		}
		w.left--
		if _, err := conn.Write(w.plan.Requests[w.next]); err != nil {
			return err
		}
		if w.next++; w.next == len(w.plan.Requests) {
			w.next = 0
		}
		code, err := answer(in)
		if err != nil {
			return fmt.Errorf("reading an answer: %w", err)
		}
		w.lastAnswer = time.Now()
		w.latencies = append(w.latencies, w.lastAnswer.Sub(began))
		w.status[code]++
		if code == 503 && w.plan.Patient {
			if err := sleep(ctx, time.Second/2+rand.N(time.Second)); err != nil {
				return err
			}
		}
	}
}

// wait returns the instant from which the next request's latency counts. With a
// rate that is when it was due, if the answer before came later than that; a late
// alarm of our own does not count.
func (w *worker) wait(ctx context.Context) (time.Time, error) {
	if w.every == 0 {
		if w.lastAnswer.IsZero() {
			return time.Now(), nil
		}
		return w.lastAnswer, nil
	}
	due := w.due
	w.due = w.due.Add(w.every)
	if w.lastAnswer.After(due) {
		return due, nil
	}
	if err := sleep(ctx, time.Until(due)); err != nil {
		return due, err
	}
	return time.Now(), nil
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	alarm := time.NewTimer(d)
	defer alarm.Stop()
	select {
	case <-alarm.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

var lengthLine = []byte("Content-Length: ")

// answer reads one whole answer, which must have a Content-Length.
func answer(in *bufio.Reader) (status int, err error) {
	length := -1
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		switch {
		case first:
			if len(line) < 12 {
				return 0, fmt.Errorf("the answer begins with %q", line)
			}
			if status, err = strconv.Atoi(string(line[9:12])); err != nil {
				return 0, err
			}
		case len(line) == 2:
			if length < 0 {
				return 0, errors.New("an answer without Content-Length")
			}
			_, err := io.CopyN(io.Discard, in, int64(length))
			return status, err
		case bytes.HasPrefix(line, lengthLine):
			if length, err = strconv.Atoi(string(line[len(lengthLine) : len(line)-2])); err != nil {
				return 0, err
			}
		}
	}
}
