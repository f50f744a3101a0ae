package durin

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
)

// WriteError answers with {"detail": …}, the status of err and the headers that
// belong to it: WWW-Authenticate with one line for each scheme (RFC 9110 section
// 11.6.1; RFC 6750 section 3 for Bearer), Retry-After, the RateLimit fields.
// Failures that are not the caller's are logged. A nil error is answered with 500.
func (g *Guard) WriteError(w http.ResponseWriter, r *http.Request, err error) {
	e := AsError(err)
	if e == nil { // nothing has failed, and still nothing may be let through
		e = errInternal.answer()
	}
	g.WriteErrorHeader(w, r, e)
	WriteJSON(w, e.Status, map[string]string{"detail": e.Detail})
}

// WriteErrorHeader sets the headers of an answer with e, and logs e if it is a
// failure of ours. Of a nil one it sets none.
func (g *Guard) WriteErrorHeader(w http.ResponseWriter, r *http.Request, e *Error) {
	if e == nil {
		return
	}
	g.logFailure(r, e)
	h := w.Header()
	if e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden && e.Code != "" {
		g.challenge(h, e)
	}
	setRetryAfter(h, e.RetryAfter)
	writeLimits(h, e.Limits)
}

// logFailure logs what is a failure of ours, bounded: strangers may bring some about.
func (g *Guard) logFailure(r *http.Request, e *Error) {
	ctx := r.Context()
	if e.Status < 500 || ctx.Err() != nil {
		return
	}
	switch about := []any{"method", r.Method, "path", r.URL.Path, "status", e.Status, "error", e}; {
	case e.Setup:
		if g.setupWarned.due(g.now()) {
			g.log.WarnContext(ctx, "durin: a request could not be served: the proxy is set up wrongly, or a stranger asks as if it were", about...)
		}
	case errors.Is(e, ErrBusy):
		if g.busyWarned.due(g.now()) {
			g.log.WarnContext(ctx, "durin: logins are turned away, too many wait", about...)
		}
	default:
		ok, last := g.failures.take(g.now())
		if last {
			about = append(about, "more", "more failures of this minute are not logged")
		}
		if ok {
			g.log.ErrorContext(ctx, "durin: a request could not be served", about...)
		}
	}
}

// challenge adds a WWW-Authenticate line for each scheme. Where Bearer is the only
// one and there is no token, it stands alone, as in django-rest-durin.
func (g *Guard) challenge(h http.Header, e *Error) {
	for _, scheme := range g.opt.Schemes {
		switch {
		case strings.EqualFold(scheme, "Bearer") && (e.Code != "" || len(g.opt.Schemes) > 1):
			h.Add("WWW-Authenticate", scheme+bearerParameters(e))
		case e.Status == http.StatusUnauthorized:
			h.Add("WWW-Authenticate", scheme)
		}
	}
}

// bearerParameters are those of RFC 6750 section 3: there is at least one, and no
// error code for a request without a token.
func bearerParameters(e *Error) string {
	if e.Code == "" {
		return ` realm="durin"`
	}
	for _, c := range []byte(e.Detail) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' { // what a description cannot have
			return ` realm="durin", error="` + e.Code + `"`
		}
	}
	return ` realm="durin", error="` + e.Code + `", error_description="` + e.Detail + `"`
}

// WriteJSON answers with v as compact JSON, without escaping for HTML.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		http.Error(w, errInternal.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(bytes.TrimSuffix(body.Bytes(), []byte("\n")))
}
