package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"
)

// A Token is what a log-in gives. It writes itself without its Value.
type Token struct {
	// Value is the clear token.
	Value string
	// Expiry is the last instant at which it is good. Zero: it does not run
	// out, or the server tells expiries in another form than ISO 8601.
	Expiry time.Time
	// Got is when it was got or renewed.
	Got time.Time
}

const redacted = "[redacted]"

func (t Token) String() string {
	if t.Expiry.IsZero() {
		return redacted
	}
	return redacted + " until " + t.Expiry.UTC().Format(time.RFC3339)
}

// Format implements fmt.Formatter: no verb shows the Value.
func (t Token) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(t.String())) }

// LogValue implements slog.LogValuer.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText keeps the Value out of JSON and other forms.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// A Keeper keeps one token. It is safe for concurrent use. Several programs may
// share what it keeps.
type Keeper interface {
	// Load returns the token, or a zero one if there is none.
	Load(ctx context.Context) (Token, error)
	// Save keeps t in place of what there was; a zero Token: nothing.
	Save(ctx context.Context, t Token) error
}

// Memory returns a Keeper that forgets with the program.
func Memory() Keeper { return &memory{} }

type memory struct {
	mu    sync.Mutex
	token Token
}

func (m *memory) Load(context.Context) (Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.token, nil
}

func (m *memory) Save(_ context.Context, t Token) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.token = t
	return nil
}

// File returns a Keeper in a file of mode 0600, which is replaced as a whole. Its
// folder is made with mode 0700 if it is not there. A file that others can read
// is not taken.
func File(path string) Keeper { return file(path) }

type file string

// kept is the file's form.
type kept struct {
	Token  string     `json:"token"`
	Expiry *time.Time `json:"expiry,omitempty"`
	Got    time.Time  `json:"got"`
}

func (f file) Load(context.Context) (Token, error) {
	in, err := os.Open(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return Token{}, nil
	}
	if err != nil {
		return Token{}, fmt.Errorf("client: %w", err)
	}
	defer func() { _ = in.Close() }()
	info, err := in.Stat()
	if err != nil {
		return Token{}, fmt.Errorf("client: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return Token{}, fmt.Errorf("client: %s: others can read it (mode %#o): the token in it is not used", string(f), info.Mode().Perm())
	}
	var k kept
	if err := json.NewDecoder(in).Decode(&k); err != nil {
		return Token{}, fmt.Errorf("client: %s is no file of a token: %w", string(f), err)
	}
	t := Token{Value: k.Token, Got: k.Got}
	if k.Expiry != nil {
		t.Expiry = *k.Expiry
	}
	return t, nil
}

func (f file) Save(_ context.Context, t Token) error {
	if t.Value == "" {
		if err := os.Remove(string(f)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("client: %w", err)
		}
		return nil
	}
	k := kept{Token: t.Value, Got: t.Got}
	if !t.Expiry.IsZero() {
		k.Expiry = &t.Expiry
	}
	text, err := json.Marshal(k)
	if err == nil {
		err = f.write(text)
	}
	if err != nil {
		return fmt.Errorf("client: keeping the token: %w", err)
	}
	return nil
}

// write replaces the file as a whole.
func (f file) write(text []byte) error {
	folder := filepath.Dir(string(f))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(folder, ".token-*") // of mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(text)
	if err == nil {
		err = tmp.Sync()
	}
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), string(f))
}
