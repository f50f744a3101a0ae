package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/durin-go/durin"
)

// Options configure a Handler. The zero value is django-rest-durin's defaults.
type Options struct {
	// Prefix is the path under which the interface lies, as it is in
	// requests. Empty: /api/auth. "/" is the root.
	Prefix string

	// APIKeyClient is the name of the client that API keys are issued for.
	// Empty: there is no apiaccess route.
	APIKeyClient string
	// HideAPIKey leaves API keys out of the sessions, and refuses to end
	// them there.
	HideAPIKey bool
	// ShowAPIKey answers GET with the key itself. Keys made before it was
	// set have no seal and are not shown, unless their client has
	// durin.PolicyReuse.
	ShowAPIKey bool

	// Location is the time zone of instants. Nil: UTC.
	Location *time.Location
	// Expiry writes the expiry that login and refresh answer. Nil:
	// ISO8601(Location). A token that never expires has null instead.
	// Sessions and keys tell theirs in ISO 8601 always.
	Expiry func(time.Time) string

	// LoginUser adds "user":{"username":…} to the login's answer.
	LoginUser bool
	// Client names the client that a login belongs to. Nil:
	// ClientFromField("client").
	Client ClientFunc
	// HandOut finds or makes the token of a login: by issue, with req as it
	// is or changed, or in another way. Nil: by issue.
	HandOut func(r *http.Request, u durin.User, req durin.IssueRequest, issue durin.IssueFunc) (durin.Issued, error)
	// Answer makes what a login is answered with, as JSON; standard is what
	// it would be otherwise, to be embedded in more. Nil: standard.
	Answer func(r *http.Request, in durin.LoggedIn, standard LoginAnswer) any

	// MaxBody bounds the login's body, in bytes. Zero: 256 KiB.
	MaxBody int64
}

const (
	defaultPrefix  = "/api/auth"
	defaultMaxBody = 256 << 10
)

func (o *Options) complete() error {
	if o.Prefix == "" {
		o.Prefix = defaultPrefix
	}
	if !strings.HasPrefix(o.Prefix, "/") {
		return fmt.Errorf("api: Options.Prefix %q does not begin with a slash", o.Prefix)
	}
	o.Prefix = strings.TrimRight(o.Prefix, "/")
	if o.MaxBody < 0 {
		return errors.New("api: Options.MaxBody may not be negative")
	}
	if o.MaxBody == 0 {
		o.MaxBody = defaultMaxBody
	}
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Expiry == nil {
		o.Expiry = ISO8601(o.Location)
	}
	if o.Client == nil {
		o.Client = ClientFromField("client")
	}
	return nil
}
