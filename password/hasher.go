// Package password hashes passwords with Argon2id, verifies the hashes of
// Django 3.2 to 6 and other common forms, and logs in the users of a
// durin.UserStore with them.
//
// All hashing goes through a [Hasher], which bounds the cores and the memory
// that hashing takes and the callers that wait for it: a storm of logins slows
// down logins, not token checks. One Hasher serves a whole program. It may
// compute in a process of low priority, Options.Command.
//
// [NewUsers] makes a durin.Authenticator. It takes as long for an unknown or
// inactive user as for a wrong password, and gives foreign or weak hashes a new
// one when their password has been right.
package password

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/phc"
	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// MaxBytes is the length of the longest password. Longer ones are never right.
const MaxBytes = 4096

const (
	defaultMemory  = 19 << 10 // KiB, with two passes: OWASP's first choice
	defaultTime    = 2
	defaultThreads = 1
	defaultPool    = 256 << 20 // bytes
	queuePerWorker = 256

	saltBytes = 16
	sumBytes  = 32
)

// Params are the cost of new hashes, RFC 9106's m, t and p.
type Params struct {
	Memory  uint32 // KiB; zero: 19,456
	Time    uint32 // passes over the memory; zero: 2
	Threads uint8  // zero: 1
}

// passes is the memory to go over, in KiB: the measure of an Argon2 hash's work.
func (p Params) passes() uint64 { return uint64(p.Memory) * uint64(p.Time) }

// Options configure a Hasher. The zero value is what most programs want.
type Options struct {
	// Params are the cost of new hashes.
	Params Params
	// Workers is how many hashes are computed at once; one that uses several
	// threads counts as several. Zero: one less than GOMAXPROCS, at least 1,
	// so that a core is left for everything else.
	Workers int
	// Memory bounds what all hashes together take at a time, in bytes. A hash
	// that asks for more by itself cannot be verified. What the last ones took
	// the garbage collector gives back later.
	// Zero: 256 MiB, enough for two of Django's Argon2 hashes.
	Memory int64
	// Queue is how many callers may wait; for one more it is ErrBusy at once.
	// Zero: 256 for each worker. Negative: nobody waits.
	Queue int
	// Command makes the command of a process in which hashes are computed: a
	// program that calls Serve with its standard input and output, usually
	// os.Executable with an argument. It is started at the first hash, again
	// if it dies, and ended when there was none for a minute, or by Close. It
	// has a process group of its own, and where Env is nil no environment but
	// GOMAXPROCS, for Workers. While it cannot be had, and without a Command,
	// hashes are computed in this process.
	Command func() *exec.Cmd
	// Nice is what that process's priority is lowered by, from 1 to 19, where
	// there are priorities of processes: the higher it is, the less logins
	// slow everything else, and the longer they take where all cores are
	// wanted. Zero: 10. Negative: its priority is as this one's.
	//
	// On Linux it steps aside altogether, unless Nice is negative: it has only
	// the time that nobody else wants (SCHED_IDLE of sched(7)). When that is
	// so little that a hash is not done in half a second, the hash begins anew
	// in a process that has nothing but the lower priority, which goes on for
	// ten minutes; for a moment both take memory.
	Nice int
	// Logger hears when that process cannot be had. Nil: slog.Default.
	Logger *slog.Logger
}

// A Hasher computes password hashes, a bounded number at a time. It is safe for
// concurrent use, and has no goroutines of its own unless there is a Command.
type Hasher struct {
	params Params
	pool   *pool
	helper *helper // nil: hashes are computed in this process
	// quickest is the shortest time that a hash with params took, in
	// nanoseconds; zero when none has been made.
	quickest atomic.Int64
}

// New makes a Hasher. The error tells which option is out of bounds.
func New(o Options) (*Hasher, error) {
	p := o.Params
	if p.Memory == 0 {
		p.Memory = defaultMemory
	}
	if p.Time == 0 {
		p.Time = defaultTime
	}
	if p.Threads == 0 {
		p.Threads = defaultThreads
	}
	if o.Workers == 0 {
		o.Workers = max(1, runtime.GOMAXPROCS(0)-1)
	}
	if o.Memory == 0 {
		o.Memory = defaultPool
	}
	if o.Queue == 0 {
		o.Queue = queuePerWorker * o.Workers
	}
	if o.Workers < 0 || o.Memory < 0 {
		return nil, errors.New("password: workers and memory may not be negative")
	}
	if o.Nice > 19 {
		return nil, errors.New("password: a priority can be lowered by 19 at most")
	}
	h := &Hasher{params: p, pool: newPool(o.Workers, o.Memory, max(0, o.Queue))}
	own, err := phc.Parse(h.encode(make([]byte, saltBytes), make([]byte, sumBytes)))
	if err != nil {
		return nil, fmt.Errorf("password: parameters m=%d,t=%d,p=%d: %w", p.Memory, p.Time, p.Threads, err)
	}
	if own.Bytes() > o.Memory {
		return nil, fmt.Errorf("password: a hash takes %d bytes of memory, the limit for all is %d", own.Bytes(), o.Memory)
	}
	if o.Command != nil {
		h.helper = newHelper(o)
	}
	return h, nil
}

// Close ends the process of Options.Command, if there is one, and waits for it.
// The Hasher can still be used; hashes are computed in this process then.
func (h *Hasher) Close() {
	if h.helper != nil {
		h.helper.close()
	}
}

// Hash returns a new Argon2id hash of pw as a PHC string: of its NFC form, so that
// it does not matter how a keyboard writes ü. The error is
// durin.ErrBusy when too many wait, ctx's when it ends before the turn comes,
// or a *durin.FieldError for a password whose form is longer than MaxBytes.
func (h *Hasher) Hash(ctx context.Context, pw durin.Secret) (string, error) {
	if pw = composed(pw); len(pw) > MaxBytes {
		return "", &durin.FieldError{Field: "password", Message: fmt.Sprintf("A password has at most %d bytes.", MaxBytes)}
	}
	if err := h.pool.acquire(ctx, h.ownNeed()); err != nil {
		return "", err
	}
	defer h.pool.release(h.ownNeed())
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt)
	sum, err := h.derive(pw, salt)
	if err != nil {
		return "", err
	}
	return h.encode(salt, sum), nil
}

// A Result is what became of a verification.
type Result struct {
	// OK: the password is right.
	OK bool
	// Weak: the hash is not of the form or the cost of new ones. Where the
	// password was right, replace it.
	Weak bool
}

// Verify tells whether pw is the password of an encoded hash, as it is given or in
// NFC (NIST SP 800-63B section 3.1.1.2): hashes of other programs are of whatever
// was typed there. Every form of
// Django 3.2 to 6 is known except DES crypt, and PHC strings and $2b$ ones of
// other programs. A password longer than MaxBytes and an unusable hash ("!…",
// or none) are a wrong password and no error.
//
// The error is durin.ErrBusy when too many wait, ctx's when it ends before the
// turn comes, or tells why the hash cannot be verified at all; compare with
// ErrHash.
func (h *Hasher) Verify(ctx context.Context, pw durin.Secret, encoded string) (Result, error) {
	hash, err := h.parse(encoded)
	if err != nil || len(pw) > MaxBytes {
		if errors.Is(err, phc.ErrUnusable) {
			err = nil
		}
		return Result{}, err
	}
	if err := h.pool.acquire(ctx, h.need(hash)); err != nil {
		return Result{}, err
	}
	defer h.pool.release(h.need(hash))
	var c checked
	for i, form := range forms(pw) {
		c.see(h, hash, i, h.match(form, encoded))
	}
	return c.Result, c.fault
}

// composed is pw in NFC.
func composed(pw durin.Secret) durin.Secret {
	if text := pw.Reveal(); !norm.NFC.IsNormalString(text) {
		return durin.Secret(norm.NFC.String(text))
	}
	return pw
}

// forms are what a password may have been hashed as: pw itself, and its NFC form
// where that is another. All of them are tried, also when the first is right: how
// long that takes tells nothing but what was typed.
func forms(pw durin.Secret) []durin.Secret {
	if len(pw) <= MaxBytes {
		if other := composed(pw); other != pw && len(other) <= MaxBytes {
			return []durin.Secret{pw, other}
		}
	}
	return []durin.Secret{pw}
}

// ErrHash is wrapped by every error of Verify that the hash itself is to blame
// for: an unknown, unsupported or malformed one, or one that asks for more work
// than is allowed.
var ErrHash = errors.New("password: the hash cannot be verified")

// parse reads a hash, and refuses one that asks for more memory than there is.
func (h *Hasher) parse(encoded string) (phc.Hash, error) {
	hash, err := phc.Parse(encoded)
	if err == nil && hash.Bytes() > h.pool.memory {
		err = fmt.Errorf("%w: %d bytes of memory, of %d", phc.ErrCost, hash.Bytes(), h.pool.memory)
	}
	if err != nil {
		return hash, fmt.Errorf("%w: %w", ErrHash, err)
	}
	return hash, nil
}

// ownNeed is what a new hash takes.
func (h *Hasher) ownNeed() need {
	return h.need(phc.Hash{Kind: phc.Argon2id, Memory: h.params.Memory, Threads: h.params.Threads})
}

// need is what verifying a hash takes of the pool, at most all of its cores.
func (h *Hasher) need(hash phc.Hash) need {
	return need{cores: min(max(1, int(hash.Threads)), h.pool.cores), memory: hash.Bytes()}
}

// weak tells whether a new hash would be better than this one.
func (h *Hasher) weak(hash phc.Hash) bool {
	own := h.params
	return hash.Foreign || hash.Kind != phc.Argon2id || hash.Memory < own.Memory ||
		uint64(hash.Memory)*uint64(hash.Time) < own.passes() ||
		len(hash.Salt) < saltBytes || len(hash.Sum) < sumBytes
}

// checked is what verifyEvenly found, and how long it waited for its turn.
type checked struct {
	Result
	waited time.Duration
	fault  error // why the hash cannot be verified
}

// see adds what became of the i-th form of the password. A hash of one that is not in
// NFC is weak, for it knows one way of writing the password only.
func (c *checked) see(h *Hasher, hash phc.Hash, i int, o outcome) {
	c.Weak = c.Weak || h.weak(hash)
	if i > 0 && c.OK {
		c.Weak = true
		return
	}
	c.OK = o.ok
	if c.fault == nil {
		c.fault = o.err()
	}
}

// verifyEvenly is Verify for logins: whatever the hash is, the work is at least
// that of a new hash, and takes one place in the queue. Its error is about the
// queue only.
func (h *Hasher) verifyEvenly(ctx context.Context, pw durin.Secret, encoded string) (checked, error) {
	var c checked
	hash, fault := h.parse(encoded)
	if !errors.Is(fault, phc.ErrUnusable) {
		c.fault = fault
	}
	need := h.ownNeed()
	possible := fault == nil && len(pw) <= MaxBytes
	if possible {
		need = need.most(h.need(hash))
	}
	began := time.Now()
	if err := h.pool.acquire(ctx, need); err != nil {
		return c, err
	}
	defer h.pool.release(need)
	c.waited = time.Since(began)
	for i, form := range forms(pw) {
		if possible {
			o := h.match(form, encoded)
			if c.see(h, hash, i, o); h.enough(hash, o.took) {
				continue
			}
		}
		if _, err := h.derive("", make([]byte, saltBytes)); err != nil {
			return c, err
		}
	}
	return c, nil
}

// enough tells whether verifying hash was about the work of a new one, or more.
func (h *Hasher) enough(hash phc.Hash, took time.Duration) bool {
	if hash.Kind == phc.Argon2id || hash.Kind == phc.Argon2i {
		own, work := h.params.passes(), uint64(hash.Memory)*uint64(hash.Time)
		if own == work && hash.Threads == h.params.Threads {
			h.note(took)
		}
		return work > own/2
	}
	own := h.quickest.Load()
	return own > 0 && int64(took) > own/2
}

// match tells whether pw is the password of an encoded hash that parse takes.
func (h *Hasher) match(pw durin.Secret, encoded string) outcome {
	return h.compute(job{pw: pw, encoded: encoded})
}

// derive computes the checksum of a new hash, and notes how long it took.
func (h *Hasher) derive(pw durin.Secret, salt []byte) ([]byte, error) {
	o := h.compute(job{pw: pw, encoded: h.encode(salt, make([]byte, sumBytes)), derive: true})
	if o.fault == "" {
		h.note(o.took)
	}
	return o.sum, o.err()
}

// compute does a job where hashes are computed, and waits for it.
func (h *Hasher) compute(j job) outcome {
	if h.helper != nil {
		if o, done := h.helper.do(j); done {
			return o
		}
	}
	return j.run()
}

// note remembers the quickest hash with the own parameters.
func (h *Hasher) note(took time.Duration) {
	for {
		old := h.quickest.Load()
		if old > 0 && old <= int64(took) || h.quickest.CompareAndSwap(old, max(1, int64(took))) {
			return
		}
	}
}

func (h *Hasher) encode(salt, sum []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		h.params.Memory, h.params.Time, h.params.Threads, b64.EncodeToString(salt), b64.EncodeToString(sum))
}

// Kind names the form of an encoded hash: argon2id, argon2i, pbkdf2_sha256,
// pbkdf2_sha1, pbkdf2_wrapped_md5, pbkdf2_wrapped_sha1, bcrypt_sha256, bcrypt, scrypt, md5, sha1, unsalted_md5,
// unsalted_sha1; crypt and argon2d, which cannot be verified; unusable or
// unknown.
func Kind(encoded string) string { return string(phc.KindOf(encoded)) }

// Stats are a Hasher's gauges, their bounds, and what was counted since New.
type Stats struct {
	Running int   // hashes being computed
	Waiting int   // callers in the queue
	Memory  int64 // bytes that the running ones take

	Workers, Queue int   // bounds of Running, where hashes take a thread each, and of Waiting
	MemoryLimit    int64 // of Memory

	Admitted uint64 // hashes that got their turn
	Refused  uint64 // callers who found the queue full
}

// Stats returns the state at this moment.
func (h *Hasher) Stats() Stats { return h.pool.stats() }
