package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/span"
)

// instant writes t for people; unset stands for the zero one.
func instant(t time.Time, unset string) string {
	if t.IsZero() {
		return unset
	}
	return span.Writable(t, time.UTC).Format("2006-01-02 15:04:05Z")
}

// orNil is nil, null in JSON, for the zero instant. Others have four digits for the
// year, as JSON wants it.
func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = span.Writable(t, time.UTC)
	return &t
}

// spanOrDash writes d; nothing is a dash.
func spanOrDash(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return span.Format(d)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func lines(text string) []string { return strings.Split(text, "\n") }

// missing names what was not found.
func missing(err error, kind, name string) error {
	if errors.Is(err, durin.ErrNotFound) {
		return fmt.Errorf("there is no %s %q", kind, name)
	}
	return err
}

// told is headline with the faults of err's fields below it, a line each. Errors
// of another kind stay as they are.
func told(headline string, err error) error {
	var field *durin.FieldError
	if err == nil || !errors.As(err, &field) {
		return err
	}
	return errors.New(headline + "\n" + err.Error())
}
