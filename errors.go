package durin

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/durin-go/durin/throttle"
)

// An Error is a failure that a caller of the API is told about. Compare with
// errors.Is and one of the package's sentinels; handlers of your own turn any error
// into an answer with Guard.Fail.
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

	kind    *Error   // the sentinel that a more precise Error stands for
	cause   error    // for the log, never for the caller
	session *Session // of an expired token, for the hook
}

// Error is Detail, and the cause behind it for the log.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Detail + " " + e.cause.Error()
	}
	return e.Detail
}

// Unwrap gives the sentinel and the cause.
func (e *Error) Unwrap() []error {
	var all []error
	if e.kind != nil {
		all = append(all, e.kind)
	}
	if e.cause != nil {
		all = append(all, e.cause)
	}
	return all
}

// Failures of a request. Each bears the status and the words of its answer:
// this is the whole table from error to status.
var (
	ErrNoToken        = &Error{Status: 401, Detail: "Authentication credentials were not provided."}
	errBadHeader      = &Error{Status: 401, Code: "invalid_token", Detail: "Invalid token header."}
	ErrInvalidToken   = &Error{Status: 401, Code: "invalid_token", Detail: "Invalid token."}
	ErrExpired        = &Error{Status: 401, Code: "invalid_token", Detail: "The given token has expired."}
	ErrInactive       = &Error{Status: 401, Code: "invalid_token", Detail: "User inactive or deleted."}
	ErrForbidden      = &Error{Status: 403, Code: "insufficient_scope", Detail: "You do not have permission to perform this action."}
	errCrossSite      = &Error{Status: 403, Detail: "Cross-site request refused."}
	ErrInvalidServer  = &Error{Status: 401, Detail: "Invalid secret of a resource server."}
	ErrThrottled      = &Error{Status: 429, Detail: "Request was throttled."}
	ErrBadCredentials = &Error{Status: 400, Detail: "Unable to log in with provided credentials."}
	ErrNoClient       = &Error{Status: 400, Detail: "No client specified."}
	ErrUnknownClient  = &Error{Status: 400, Detail: "No client with that name."}
	ErrTooManyTokens  = &Error{Status: 400, Detail: "You have reached the limit of tokens for this client. End one of them and try again."}
	ErrKeyExists      = &Error{Status: 400, Detail: "An API token was already issued to you."}
	// ErrBusy: the queue of password checks is full. Tell the caller to
	// come back.
	ErrBusy = &Error{Status: 503, RetryAfter: 2 * time.Second, Detail: "Too many logins at once. Try again shortly."}
	// ErrUnavailable: the store could not be asked. It is never an excuse
	// to let a caller in, nor to tell it that its token is bad.
	ErrUnavailable = &Error{Status: 503, RetryAfter: 2 * time.Second, Detail: "The service is temporarily unavailable. Try again shortly."}
)

// Results of a Store, which its methods return wrapped.
var (
	// ErrNotFound: there is no such row.
	ErrNotFound = &Error{Status: 404, Detail: "Not found."}
	// ErrExists: a row with that name or key is there already.
	ErrExists = &Error{Status: 409, Detail: "It exists already."}
)

var (
	errEmptyHeader  = &Error{Status: 401, Code: "invalid_token", Detail: "Invalid token header. No credentials provided.", kind: errBadHeader}
	errSpacedHeader = &Error{Status: 401, Code: "invalid_token", Detail: "Invalid token header. Token string should not contain spaces.", kind: errBadHeader}
	errInternal     = &Error{Status: 500, Detail: "Something went wrong on our side."}
)

// AsError returns the *Error in err's tree, or one of status 500 that hides
// err from the caller and keeps it as its cause.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Status: errInternal.Status, Detail: errInternal.Detail, kind: errInternal, cause: err}
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
	return &Error{Status: ErrUnavailable.Status, RetryAfter: ErrUnavailable.RetryAfter, Detail: ErrUnavailable.Detail, kind: ErrUnavailable, cause: err}
}

// expired tells which session has run out.
func expired(s *Session) error {
	return &Error{Status: ErrExpired.Status, Code: ErrExpired.Code, Detail: ErrExpired.Detail, kind: ErrExpired, session: s}
}

// throttled tells which window refuses, and for how long. As in
// django-rest-framework the sentence tells no wait when more requests are in
// the window than the rate allows.
func throttled(states []throttle.State) error {
	e := &Error{Status: ErrThrottled.Status, Detail: ErrThrottled.Detail, Limits: states, kind: ErrThrottled}
	over := false
	for _, s := range states {
		e.RetryAfter = max(e.RetryAfter, s.Wait)
		over = over || s.Over
	}
	if !over {
		e.Detail += expectedWait(e.RetryAfter)
	}
	return e
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

// setRetryAfter writes the header of RFC 9110 section 10.2.3.
func setRetryAfter(h http.Header, d time.Duration) {
	if d > 0 {
		h.Set("Retry-After", strconv.FormatInt(seconds(d), 10))
	}
}
