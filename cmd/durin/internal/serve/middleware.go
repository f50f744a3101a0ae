package serve

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/internal/node"
)

const requestIDHeader = "X-Request-Id"

// middleware is what every request goes through: an id, headers that make browsers
// careful, a bound on the body, the log, metrics and a span, and an answer when the
// rest panics.
func middleware(n *node.Node, log *slog.Logger, find func(path string) named) http.Handler {
	c := n.Config
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		id := requestID(r, c.TrustedProxies)
		h := w.Header()
		h.Set(requestIDHeader, id)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		origin := durin.Origin{Agent: r.UserAgent(), RequestID: id}
		if a := n.Guard.Address(r); a.IsValid() {
			origin.Address = a.String()
		}
		r = r.WithContext(durin.WithOrigin(r.Context(), origin))
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		out := &recorder{ResponseWriter: w}
		at := find(r.URL.Path)
		if n.Trace != nil {
			traced, end := n.Trace.Request(r, at.name)
			r = traced
			defer func() { end(out.result()) }()
		}
		defer func() {
			if fault := recover(); fault != nil {
				out.rescue(r, log, fault)
			}
			n.Metrics.Served(at.name, out.result(), time.Since(began))
			if c.AccessLog {
				logAccess(log, r, origin, out, time.Since(began))
			}
		}()
		at.ServeHTTP(out, r)
	})
}

// logAccess writes a line about a request: never its query or its headers.
func logAccess(log *slog.Logger, r *http.Request, origin durin.Origin, out *recorder, took time.Duration) {
	log.LogAttrs(context.WithoutCancel(r.Context()), slog.LevelInfo, "request",
		slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Int("status", out.result()), slog.Int64("bytes", out.bytes), slog.Duration("took", took), slog.String("address", origin.Address))
}

// A recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// result is the status that the caller has got, or gets now that nothing was
// written.
func (w *recorder) result() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

// Unwrap is for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// rescue answers after a panic, if nothing was answered yet.
func (w *recorder) rescue(r *http.Request, log *slog.Logger, fault any) {
	if err, ok := fault.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(fault) // the server's own way to cut a connection
	}
	log.ErrorContext(r.Context(), "a request ended in a panic", "method", r.Method, "path", r.URL.Path, "panic", fmt.Sprint(fault), "stack", string(debug.Stack()))
	if w.status == 0 {
		e := durin.AsError(errors.New("panic"))
		durin.WriteJSON(w, e.Status, map[string]string{"detail": e.Detail})
	}
}

// requestID is what a trusted proxy calls the request, or a name of our own.
func requestID(r *http.Request, proxies []netip.Prefix) string {
	if given := r.Header.Get(requestIDHeader); given != "" && plain(given) && isFrom(r, proxies) {
		return given
	}
	var raw [8]byte
	n := rand.Uint64()
	for i := range raw {
		raw[i] = byte(n >> (8 * i))
	}
	return hex.EncodeToString(raw[:])
}

// plain reports a word that may stand in a log and a header as it is.
func plain(s string) bool {
	if len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

func isFrom(r *http.Request, networks []netip.Prefix) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	for _, p := range networks {
		if p.Contains(peer.Addr().Unmap()) {
			return true
		}
	}
	return false
}
