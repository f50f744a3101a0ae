package password

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"sync"
	"time"
)

// Times of a helper.
const (
	helperIdle     = time.Minute      // without a hash, until the process is ended
	helperPatience = time.Minute      // for one hash, until it is taken for stuck; the largest take seconds
	helperGrace    = 10 * time.Second // from the end of its input until it is killed
	helperPause    = time.Second      // until it is started again, twice as long after each failure
	helperMaxPause = time.Minute
	// A process that steps aside may get no time at all. With no answer for
	// helperHunger, ten times as long as a hash takes, one that has a share of
	// the cores takes its place for helperShare.
	helperHunger = 500 * time.Millisecond
	helperShare  = 10 * time.Minute
)

// A helper has jobs done in another process, which it starts when there are some.
type helper struct {
	command func() *exec.Cmd
	workers int
	nice    int
	log     *slog.Logger
	// idle and the others are the constants, but for tests.
	idle, patience, pause, hunger, share time.Duration

	mu       sync.Mutex
	live     *process  // nil: none
	closed   bool      // none is started any more
	failures int       // since the last answer
	again    time.Time // none is started before
	sharing  time.Time // until then none steps aside
	ends     sync.WaitGroup
}

// A process is one that runs or has run. What is not its own to guard is under
// the helper's mu.
type process struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     io.Reader
	writing sync.Mutex
	idle    *time.Timer
	last    uint32 // id of a job
	waiting map[uint32]chan<- outcome
	aside   bool        // it steps aside
	leaving *time.Timer // kills it; nil: it was not asked to end
}

func newHelper(o Options) *helper {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	nice := min(max(o.Nice, 0), 19)
	if o.Nice == 0 {
		nice = niceness
	}
	return &helper{command: o.Command, workers: o.Workers, nice: nice, log: o.Logger, idle: helperIdle, patience: helperPatience, pause: helperPause, hunger: helperHunger, share: helperShare}
}

// do has a job done by the process. It does not when there is none, or when it
// ends before it has answered.
func (h *helper) do(j job) (outcome, bool) {
	for {
		p, id, answer := h.enter()
		if p == nil {
			return outcome{}, false
		}
		limit, over := h.patience, p.kill
		if p.aside {
			limit, over = h.hunger, func() { h.starve(p) }
		}
		stuck := time.AfterFunc(limit, over)
		p.send(appendRequest(nil, id, j))
		o, done := <-answer
		stuck.Stop()
		if done || !h.outdone(p) {
			return o, done
		}
	}
}

// enter notes that a job waits for an answer, of a process that it starts where
// that must be. The channel is closed when there will be no answer.
func (h *helper) enter() (*process, uint32, <-chan outcome) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.live; p != nil && !p.aside && h.steppingAside() {
		h.live = nil
		p.leave()
	}
	if h.live == nil && !h.start() {
		return nil, 0, nil
	}
	p := h.live
	p.idle.Stop()
	p.last++
	answer := make(chan outcome, 1)
	p.waiting[p.last] = answer
	return p, p.last, answer
}

// steppingAside says whether processes step aside now. Call it with mu held.
func (h *helper) steppingAside() bool {
	return canStepAside && h.nice > 0 && !time.Now().Before(h.sharing)
}

// starve ends a process that has got no time, so that its jobs are done by
// another. It may have ended by itself meanwhile.
func (h *helper) starve(p *process) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.live == p {
		h.live = nil
		h.sharing = time.Now().Add(h.share)
		h.log.Info("password hashing at low priority got no processor time; it runs at normal priority for a while", "for", h.share.String())
	}
	p.idle.Stop()
	p.kill()
	h.dismiss(p)
}

// outdone says that p stepped aside, and that another, which has a share, may do
// its jobs now.
func (h *helper) outdone(p *process) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return p.aside && !h.steppingAside()
}

// dismiss tells those who wait for p that they will get no answer. Call it with
// mu held.
func (h *helper) dismiss(p *process) {
	for _, answer := range p.waiting {
		close(answer)
	}
	clear(p.waiting)
}

// start makes a live process, if it can. Call it with mu held.
func (h *helper) start() bool {
	if h.closed || time.Now().Before(h.again) {
		return false
	}
	p, err := startProcess(h.command(), h.workers, h.nice, h.steppingAside())
	if err != nil {
		h.failed(err)
		return false
	}
	p.idle = time.AfterFunc(h.idle, func() { h.rest(p) })
	h.live = p
	h.ends.Go(func() { h.follow(p) })
	return true
}

// failed puts off the next start, and tells of the first failure in a row. Call
// it with mu held.
func (h *helper) failed(err error) {
	pause := min(h.pause<<min(h.failures, 16), helperMaxPause)
	h.again = time.Now().Add(pause)
	if h.failures++; h.failures == 1 {
		h.log.Warn("the process that computes password hashes cannot be had; they are computed in the server until it can, and slow down everything else", "error", err)
	}
}

// follow passes on a process's answers until there are no more, and waits for
// its end.
func (h *helper) follow(p *process) {
	err := h.read(p)
	p.kill()
	if ended := p.cmd.Wait(); ended != nil && errors.Is(err, io.EOF) {
		err = ended
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	p.idle.Stop()
	if p.leaving != nil {
		p.leaving.Stop()
	}
	if h.live == p {
		h.live = nil
		h.failed(err)
	}
	h.dismiss(p)
}

func (h *helper) read(p *process) error {
	for r := bufio.NewReader(p.out); ; {
		frame, err := readFrame(r, maxAnswer)
		if err != nil {
			return err
		}
		id, o, err := parseAnswer(frame)
		if err != nil {
			return err
		}
		if !h.pass(p, id, o) {
			return fmt.Errorf("%w: nobody has asked", errFrame)
		}
	}
}

// pass gives an answer to who waits for it.
func (h *helper) pass(p *process, id uint32, o outcome) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	answer, asked := p.waiting[id]
	if !asked {
		return false
	}
	answer <- o
	delete(p.waiting, id)
	h.failures = 0
	if len(p.waiting) == 0 {
		p.idle.Reset(h.idle)
	}
	return true
}

// rest ends a process that has had nothing to do.
func (h *helper) rest(p *process) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.live == p && len(p.waiting) == 0 {
		h.live = nil
		p.leave()
	}
}

// close ends the process and waits for it. Jobs under way are done.
func (h *helper) close() {
	h.mu.Lock()
	h.closed = true
	if p := h.live; p != nil {
		h.live = nil
		p.leave()
	}
	h.mu.Unlock()
	h.ends.Wait()
}

func startProcess(cmd *exec.Cmd, workers, nice int, aside bool) (*process, error) {
	p := &process{cmd: cmd, aside: aside, waiting: map[uint32]chan<- outcome{}}
	cmd.Env = append(cmd.Env, fmt.Sprintf("GOMAXPROCS=%d", workers))
	if nice != niceness {
		cmd.Env = append(cmd.Env, fmt.Sprintf("%s=%d", niceVar, nice))
	}
	if !aside {
		cmd.Env = append(cmd.Env, shareVar+"=1")
	}
	apart(cmd, nice)
	var err error
	if p.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if p.out, err = cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	return p, cmd.Start()
}

// send writes a frame. Where it cannot, the process has ended or will not go on,
// and the reader notices.
func (p *process) send(frame []byte) {
	p.writing.Lock()
	defer p.writing.Unlock()
	if _, err := p.in.Write(frame); err != nil {
		p.kill()
	}
}

func (p *process) kill() { _ = p.cmd.Process.Kill() }

// leave ends the process's input, so that it ends once its jobs are done.
func (p *process) leave() {
	_ = p.in.Close()
	p.leaving = time.AfterFunc(helperGrace, p.kill)
}
