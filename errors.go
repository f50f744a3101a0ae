package durin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/durin-go/durin/throttle"
)

// An Error is a failure that a caller of the API is told about: a value of its
// reader's own, which changes no other answer. Compare with errors.Is and one of
// the package's Reasons; AsError and errors.As read it, and Guard.Fail turns any
// error into an answer. Handlers and hooks may make their own.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Detail is the sentence for the caller, in django-rest-durin's words
	// where it has them. It never bears a secret or an internal cause.
	Detail string
	// Code is the RFC 6750 section 3.1 error code, where there is one.
	Code string
	// RetryAfter is how long to wait, rounded up to seconds on the wire.
	// Zero: not told.
	RetryAfter time.Duration
	// Setup says that what is in front of the server is set up wrongly, or that
	// a stranger asks as if it were: it is logged as a warning, once a minute
	// at most.
	Setup bool
	// Limits are the throttles of the request, for the RateLimit fields.
	Limits []throttle.State

	kind  Reason // that a more precise Error stands for
	cause error  // for the log, never for the caller
}

// Error is Detail, and the cause behind it for the log.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Detail + " " + e.cause.Error()
	}
	return e.Detail
}

// Unwrap gives the Reason and the cause.
func (e *Error) Unwrap() []error {
	var all []error
	if e.kind != 0 {
		all = append(all, e.kind)
	}
	if e.cause != nil {
		all = append(all, e.cause)
	}
	return all
}

// copy is an Error for one reader.
func (e *Error) copy() *Error {
	own := *e
	own.Limits = slices.Clone(e.Limits)
	return &own
}

// A Reason is why a request fails: an error to compare with, by errors.Is. AsError
// tells what it is answered with.
type Reason uint8

// Reasons of failures, with the status of their answers.
const (
	_                  Reason = iota
	ErrNoToken                // 401
	ErrInvalidToken           // 401
	ErrExpired                // 401
	ErrInactive               // 401
	ErrForbidden              // 403
	ErrInvalidServer          // 401: the secret of a resource server
	ErrThrottled              // 429
	ErrBadCredentials         // 400
	ErrNoClient               // 400
	ErrUnknownClient          // 400
	ErrTooManyTokens          // 400
	ErrKeyExists              // 400
	ErrPasswordChanged        // 400: since it was checked, see IssueRequest.CheckedHash
	ErrBusy                   // 503: the queue of password checks is full; come back
	// ErrUnavailable, 503: the store could not be asked. It is never an excuse
	// to let a caller in, nor to tell it that its token is bad.
	ErrUnavailable
	// ErrNotFound, 404, and ErrExists, 409, are results of a Store, which its
	// methods return wrapped: there is no such row, and a row with that name or
	// key is there already.
	ErrNotFound
	ErrExists

	errBadHeader
	errEmptyHeader
	errSpacedHeader
	errTwoCookies
	errCrossSite
	errInternal
)

// reasons are the statuses and words of answers: the whole table from error to
// status.
var reasons = [...]Error{
	ErrNoToken:         {Status: 401, Detail: "Authentication credentials were not provided."},
	ErrInvalidToken:    {Status: 401, Code: "invalid_token", Detail: "Invalid token."},
	ErrExpired:         {Status: 401, Code: "invalid_token", Detail: "The given token has expired."},
	ErrInactive:        {Status: 401, Code: "invalid_token", Detail: "User inactive or deleted."},
	ErrForbidden:       {Status: 403, Code: "insufficient_scope", Detail: "You do not have permission to perform this action."},
	ErrInvalidServer:   {Status: 401, Detail: "Invalid secret of a resource server."},
	ErrThrottled:       {Status: 429, Detail: "Request was throttled."},
	ErrBadCredentials:  {Status: 400, Detail: "Unable to log in with provided credentials."},
	ErrNoClient:        {Status: 400, Detail: "No client specified."},
	ErrUnknownClient:   {Status: 400, Detail: "No client with that name."},
	ErrTooManyTokens:   {Status: 400, Detail: "You have reached the limit of tokens for this client. End one of them and try again."},
	ErrKeyExists:       {Status: 400, Detail: "An API token was already issued to you."},
	ErrPasswordChanged: {Status: 400, Detail: "The password was changed meanwhile. Try again with the new one."},
	ErrBusy:            {Status: 503, RetryAfter: 2 * time.Second, Detail: "Too many logins at once. Try again shortly."},
	ErrUnavailable:     {Status: 503, RetryAfter: 2 * time.Second, Detail: "The service is temporarily unavailable. Try again shortly."},
	ErrNotFound:        {Status: 404, Detail: "Not found."},
	ErrExists:          {Status: 409, Detail: "It exists already."},
	errBadHeader:       {Status: 401, Code: "invalid_token", Detail: "Invalid token header."},
	errEmptyHeader:     {Status: 401, Code: "invalid_token", Detail: "Invalid token header. No credentials provided."},
	errSpacedHeader:    {Status: 401, Code: "invalid_token", Detail: "Invalid token header. Token string should not contain spaces."},
	errTwoCookies:      {Status: 401, Code: "invalid_token", Detail: "Invalid cookie header. It has two tokens."},
	errCrossSite:       {Status: 403, Detail: "Cross-site request refused."},
	errInternal:        {Status: 500, Detail: "Something went wrong on our side."},
}

// answer is what r is answered with, for one reader.
func (r Reason) answer() *Error {
	if int(r) >= len(reasons) || r == 0 {
		r = errInternal
	}
	e := reasons[r]
	e.kind = r
	return &e
}

// Error is the Detail of the answer.
func (r Reason) Error() string { return r.answer().Detail }

// As gives errors.As the *Error that r is answered with.
func (r Reason) As(target any) bool {
	to, ok := target.(**Error)
	if ok {
		*to = r.answer()
	}
	return ok
}

// A failure is an error of this package that says more than a Reason. Requests
// share it, so that nobody gets at it but by a copy.
type failure struct {
	e       Error
	session *Session // of an expired token, for the hook
}

func (f *failure) Error() string   { return f.e.Error() }
func (f *failure) Unwrap() []error { return f.e.Unwrap() }

// As gives errors.As a copy.
func (f *failure) As(target any) bool {
	to, ok := target.(**Error)
	if ok {
		*to = f.e.copy()
	}
	return ok
}

// A FieldError is a fault in one named field of what a caller gave.
type FieldError struct {
	Field   string // the name as the command line and the pages write it: "ttl"
	Message string // a sentence for people
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Message }

// AsError returns a copy of the *Error in err's tree, or one of status 500 that
// hides err from the caller and keeps it as its cause. Nil is nil. A *FieldError
// is one of status 400 that tells the caller what is wrong.
func AsError(err error) *Error {
	var e *Error
	var field *FieldError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e.copy()
	case errors.As(err, &field):
		return &Error{Status: http.StatusBadRequest, Detail: field.Error(), cause: err}
	}
	e = errInternal.answer()
	e.cause = err
	return e
}

// unavailable wraps what a store said, unless it is an expected result.
func unavailable(err error) error {
	var e *Error
	var field *FieldError
	if err == nil || errors.As(err, &e) || errors.As(err, &field) {
		return err
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	e = ErrUnavailable.answer()
	e.cause = err
	return &failure{e: *e}
}

// expired tells which session has run out.
func expired(s *Session) error {
	return &failure{e: *ErrExpired.answer(), session: s}
}

// throttled tells which window refuses, and for how long. As in
// django-rest-framework the sentence tells no wait when more requests are in
// the window than the rate allows.
func throttled(states []throttle.State) error {
	e := ErrThrottled.answer()
	e.Limits = states
	over := false
	for _, s := range states {
		e.RetryAfter = max(e.RetryAfter, s.Wait)
		over = over || s.Over
	}
	if !over {
		e.Detail += expectedWait(e.RetryAfter)
	}
	return &failure{e: *e}
}

// Fail answers a request with err: status and words are the error's, and unknown
// errors are a 500 that says nothing. It is what the middleware does; handlers
// may do the same.
func (g *Guard) Fail(w http.ResponseWriter, r *http.Request, err error) {
	if g.opt.OnError != nil {
		g.opt.OnError(w, r, err)
		return
	}
	g.WriteError(w, r, err)
}

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

// A seldom keeps what strangers can bring about from filling the log.
type seldom struct{ last atomic.Int64 }

const seldomEvery = time.Minute

// due reports whether it was not, in the minute before now.
func (s *seldom) due(now time.Time) bool {
	t, last := now.UnixNano(), s.last.Load()
	return (last == 0 || t-last >= int64(seldomEvery) || t < last) && s.last.CompareAndSwap(last, t)
}

// errorsAMinute bounds the failures of requests that are logged.
const errorsAMinute = 600

// A quota lets errorsAMinute pass in each minute.
type quota struct {
	mu    sync.Mutex
	since time.Time
	n     int
}

// take reports whether one more may pass, and whether it is the last one of its
// minute.
func (q *quota) take(now time.Time) (ok, last bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if age := now.Sub(q.since); age < 0 || age >= seldomEvery {
		q.since, q.n = now, 0
	}
	q.n++
	return q.n <= errorsAMinute, q.n == errorsAMinute
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

// setRetryAfter writes the header of RFC 9110 section 10.2.3.
func setRetryAfter(h http.Header, d time.Duration) {
	if d > 0 {
		h.Set("Retry-After", strconv.FormatInt(seconds(d), 10))
	}
}

// seconds rounds d up to whole seconds.
func seconds(d time.Duration) int64 {
	return int64(math.Ceil(d.Seconds()))
}

// expectedWait is django-rest-framework's sentence about a wait.
func expectedWait(d time.Duration) string {
	n, unit := seconds(d), "seconds"
	if n == 1 {
		unit = "second"
	}
	return fmt.Sprintf(" Expected available in %d %s.", n, unit)
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
