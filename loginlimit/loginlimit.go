// Package loginlimit slows down those who guess passwords, by numbers that can be
// chosen, and tells who is held back.
//
//	limiter := loginlimit.New(loginlimit.Numbers{Account: 50})
//	guard, err := durin.New(ctx, durin.Options{Store: store, LoginLimiter: limiter})
//	…
//	for _, h := range limiter.Held(ctx, time.Now()) {
//		log.Println(h.Account, h.Network, h.Until)
//	}
//
// Without it a Guard has the same limits with the numbers of the zero value. A
// Limiter counts in the memory of one process; package redisdurin shares the
// counts of several.
package loginlimit

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/attempts"
)

// Numbers are the limits. The zero value of each stands for what is documented.
type Numbers struct {
	// Window is how long a failure counts. Zero: 15 minutes.
	Window time.Duration
	// Pair is how many failures of an account from one address (an IPv6 /64)
	// lock the account there. Callers whose address is not known count as
	// one. Zero: 10.
	Pair int
	// Account is how many failures of an account lock it everywhere. It is
	// worth being higher than what one address gets through in a Window, 15
	// by default: or one address could lock an account for others. Zero: 20.
	Account int
	// Address is how many failures of an address, over all accounts, lock it.
	// Zero: 100.
	Address int
	// Lock is how long the first lock lasts; after it one attempt at a time is
	// let through, and each failure locks for twice as long. Zero: 30 seconds.
	Lock time.Duration
	// MaxLock bounds the doubling of locks. Zero: 15 minutes.
	MaxLock time.Duration
	// Entries bounds the accounts that are remembered, and the addresses and
	// the pairs as well. The one that was used least lately gives way, but
	// never one that is locked or being tried; when there is no other, new
	// ones are refused. Each takes about 250 bytes, and 16 for each failure.
	// What Redis remembers is not counted. Zero: 100,000.
	Entries int
}

// OrDefaults returns the numbers with what is documented in place of zeros.
func (n Numbers) OrDefaults() Numbers { return Numbers(attempts.Numbers(n).OrDefaults()) }

// String is how the numbers are documented.
func (n Numbers) String() string {
	n = n.OrDefaults()
	return fmt.Sprintf("pair=%d,account=%d,address=%d,window=%s,lock=%s,max-lock=%s", n.Pair, n.Account, n.Address, n.Window, n.Lock, n.MaxLock)
}

// A Held is a lock that is in force: right passwords are answered as wrong ones.
type Held struct {
	// Account is the name as it was given, whether there is such a user or
	// not. Empty: every account, from Network.
	Account string
	// Network is the address, or the /64 of an IPv6 one. Not valid: from
	// everywhere, or from where it is not known.
	Network netip.Prefix
	// Known: only attempts from devices that had logged in to the account
	// before are held back; they are counted apart.
	Known bool
	// Locks is how many locks there were, one after the other.
	Locks int
	Until time.Time
}

// A Limiter is a durin.LoginLimiter in the memory of a process. It is safe for
// concurrent use.
type Limiter struct{ core *attempts.Limiter }

// New returns a Limiter. With the numbers of the zero value:
//
//   - Ten failures of an account from one address (an IPv6 /64) within 15
//     minutes lock it there for 30 seconds; then one attempt at a time is let
//     through, and each further failure locks for twice as long, up to 15
//     minutes. Callers whose address is not known count as one address.
//   - Twenty failures of an account from everywhere lock it the same way.
//   - A hundred failures from one address, over all accounts, lock the address.
//   - Attempts that bear a live token of the account are counted apart, so that
//     strangers do not lock out a device that has logged in before.
//
// A right password takes back the failures of its account from its address.
// Attempts that run side by side never get further than one after the other.
func New(n Numbers) *Limiter { return &Limiter{attempts.New(attempts.Numbers(n))} }

// Admit implements durin.LoginLimiter.
func (l *Limiter) Admit(ctx context.Context, a durin.LoginAttempt) (bool, error) {
	admitted, err := l.core.Wait(ctx, a.At, attemptOf(a))
	if errors.Is(err, attempts.ErrFull) {
		err = durin.ErrBusy
	}
	return admitted, err
}

// Done implements durin.LoginLimiter.
func (l *Limiter) Done(_ context.Context, a durin.LoginAttempt, err error) {
	outcome := attempts.Aborted
	switch {
	case err == nil:
		outcome = attempts.Right
	case errors.Is(err, durin.ErrBadCredentials):
		outcome = attempts.Wrong
	}
	l.core.Done(a.At, attemptOf(a), outcome)
}

// Held lists the locks in force, the last to end first. An account that is held
// back stands there once for each address, and once for all. The error is always nil:
// limiters that several nodes share have one, and the same method.
func (l *Limiter) Held(_ context.Context, now time.Time) ([]Held, error) {
	var all []Held
	for _, h := range l.core.Held(now) {
		all = append(all, Held(h))
	}
	return all, nil
}

// Lift ends the locks of an account, from everywhere and from each address, and
// forgets the failures that led to them. It returns how many it ended. A lock of an
// address, over all accounts, stays.
func (l *Limiter) Lift(account string) int { return l.core.Lift(account) }

func attemptOf(a durin.LoginAttempt) attempts.Attempt {
	return attempts.Attempt{Account: a.Name, Address: a.Address, Known: a.Known}
}
