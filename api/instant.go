package api

import (
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/span"
	"github.com/durin-go/durin/internal/strftime"
)

// ISO8601 writes instants as django-rest-framework does: in loc, with six digits
// of a fraction or none when it is zero, and Z for an offset of zero. An instant
// outside of the years 1 to 9999 in loc is written as the nearest inside.
func ISO8601(loc *time.Location) func(time.Time) string {
	return func(t time.Time) string {
		t = span.Writable(t, loc)
		if t.Nanosecond() < int(time.Microsecond) {
			return t.Format("2006-01-02T15:04:05Z07:00")
		}
		return t.Format("2006-01-02T15:04:05.000000Z07:00")
	}
}

// ExpiryFormat reads a setting for Options.Expiry in the words of
// django-rest-durin's EXPIRY_DATETIME_FORMAT: "iso-8601", in any case, is
// ISO8601(loc); "none" is the same in UTC whatever loc; anything else is a
// pattern of strftime, the empty one included.
func ExpiryFormat(setting string, loc *time.Location) func(time.Time) string {
	switch {
	case strings.EqualFold(setting, "iso-8601"):
		return ISO8601(loc)
	case setting == "none":
		return ISO8601(time.UTC)
	default:
		return func(t time.Time) string { return strftime.Format(span.Writable(t, loc), setting) }
	}
}

// expiry writes the expiry of a login or renewal; nil is never.
func (h *Handler) expiry(at time.Time) *string {
	if at.IsZero() {
		return nil
	}
	text := h.opt.Expiry(at)
	return &text
}

func (h *Handler) instant(at time.Time) string { return ISO8601(h.opt.Location)(at) }

func (h *Handler) isoExpiry(s *durin.Session) *string {
	if s.ExpiresAt.IsZero() {
		return nil
	}
	text := h.instant(s.ExpiresAt)
	return &text
}

// remaining tells in words how long s lives yet.
func remaining(s *durin.Session, now time.Time) string {
	switch {
	case s.ExpiresAt.IsZero():
		return "never"
	case s.Expired(now):
		return "expired"
	default:
		return span.Between(now, s.ExpiresAt)
	}
}
