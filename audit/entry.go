package audit

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
)

// An Entry is something that was done. Fields that do not apply are zero.
type Entry struct {
	At     time.Time // zero: now
	Action Action
	Actor  Actor // zero: the context's

	// What it was done to.
	UserID, UserName string
	Client           string // by name
	SessionID        int64

	// Where it came from; all empty: as the context says.
	Address, Agent, RequestID string

	// Details are a few words more, by name: texts, numbers, and for what was
	// changed a Changed. Never a secret.
	Details map[string]any
}

// Changed is a detail: what something was before and after.
type Changed [2]string

// Bounds of what a row takes, in bytes. What is longer is cut.
const (
	maxName    = 255
	maxID      = 64
	maxAgent   = 255
	maxDetails = 4000
	maxDetail  = 400
)

// cut shortens s to n bytes of valid UTF-8 without NUL.
func cut(s string, n int) string {
	if s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD"); len(s) <= n {
		return s
	}
	s = s[:n]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}

// row is e as the store keeps it, without what makes it one of a chain.
func (e Entry) row() Row {
	return Row{
		At: e.At.UTC().Truncate(time.Microsecond), Action: e.Action,
		Actor:  Actor{e.Actor.Kind, cut(e.Actor.ID, maxID), cut(e.Actor.Name, maxName)},
		UserID: cut(e.UserID, maxID), UserName: cut(e.UserName, maxName), Client: cut(e.Client, maxName), SessionID: e.SessionID,
		Address: cut(e.Address, maxID), Agent: cut(e.Agent, maxAgent), RequestID: cut(e.RequestID, maxID),
		Details: detailsText(e.Details),
	}
}

// detailsText is a JSON object; of no details, nothing. When it is too long, so
// are its texts, and at last there is none.
func detailsText(details map[string]any) string {
	if len(details) == 0 {
		return ""
	}
	for bound := maxDetail; bound > 0; bound /= 2 {
		short := make(map[string]any, len(details))
		for name, value := range details {
			switch v := value.(type) {
			case string:
				value = cut(v, bound)
			case Changed:
				value = Changed{cut(v[0], bound), cut(v[1], bound)}
			}
			short[name] = value
		}
		if text, err := json.Marshal(short); err == nil && len(text) <= maxDetails {
			return string(text)
		}
	}
	return `{"details":"too long"}`
}
