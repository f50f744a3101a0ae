package password

import (
	"runtime"

	"github.com/durin-go/durin/internal/argon2"
	"github.com/durin-go/durin/internal/phc"
)

// compute runs f where hashes are computed, and waits for it.
func (h *Hasher) compute(f func()) {
	if !h.background {
		f()
		return
	}
	var fault any
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { fault = recover() }()
		// The thread is not unlocked, so that it ends with the goroutine: its
		// priority cannot be raised again. The first one of a program cannot
		// end; another does the work while this one is held.
		runtime.LockOSThread()
		if isFirstThread() {
			defer runtime.UnlockOSThread()
			h.compute(f)
			return
		}
		giveWay()
		f()
	}()
	if <-done; fault != nil {
		panic(fault)
	}
}

// space is the memory for one Argon2 hash.
func (h *Hasher) space() *argon2.Space {
	s := h.pool.space()
	s.OneThread = h.background
	return s
}

func (h *Hasher) keep(s *argon2.Space) {
	own := phc.Hash{Kind: phc.Argon2id, Memory: h.params.Memory, Threads: h.params.Threads}
	h.pool.keep(s, own.Bytes())
}
