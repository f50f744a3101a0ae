package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
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
	// APIKeyPassword makes POST apiaccess/ ask for the user's password, in the
	// field "password": else whoever has any token of the user can make a key that
	// outlives it. It needs the Guard's Authenticator.
	APIKeyPassword bool
	// UserName tells the name by which an application's own user logs in, for
	// APIKeyPassword. Nil: the session's UserName, or the id.
	UserName func(ctx context.Context, userID string) (string, error)

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

	// CookieToken answers the login of a client whose tokens travel in a
	// cookie (durin.Client.Cookie) with the token too. It is left out
	// otherwise: a script that cannot read it cannot lose it.
	CookieToken bool

	// PublicURL is how the world reaches the root of this server, like
	// https://auth.example.org or https://example.org/auth: the issuer of
	// tokens. Where it has a path, a proxy may take that away or pass it on;
	// then Prefix begins with it. Empty: as a request has it, by Guard.Scheme.
	PublicURL string
	// HideMetadata leaves the documents below /.well-known, at which clients
	// find introspection and revocation, to the application.
	HideMetadata bool
	// IntrospectionTTL is the longest time for which an introspection answer
	// says that a token is good: exp is at most so far ahead, of tokens that
	// never expire too. It bounds what a resource server that caches answers
	// until exp takes for good after the token has ended. Zero: exp is the
	// token's own expiry.
	IntrospectionTTL time.Duration
	// VerifyApart leaves verify and verify-headers, with which a proxy asks, out
	// of the Handler: Handler.Verify serves them, where only the proxy asks.
	// Without it everybody who reaches the Handler can write rules; they act on
	// nothing but the question that bears them.
	VerifyApart bool
	// IdentityPrefix begins the names of the headers that tell an application
	// who asks: User-Id, User, Client, Session and Expiry. Empty: X-Durin-.
	IdentityPrefix string
	// SignInURL is the page that verify sends people to who open a page and
	// are not signed in: a URL, or a path on the host that they asked, like
	// /account/. The address to return to is its parameter next. Empty: they
	// get a 401.
	SignInURL string
	// ReturnTo names the hosts, with their ports where those are not the
	// scheme's own, that a sign-in page with a URL may send them back to.
	ReturnTo []string

	// Compat are login routes of other libraries.
	Compat Compat

	// MaxBody bounds the login's body, in bytes. Zero: 256 KiB.
	MaxBody int64
}

const (
	defaultPrefix         = "/api/auth"
	defaultIdentityPrefix = "X-Durin-"
	defaultMaxBody        = 256 << 10
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
	if o.IntrospectionTTL < 0 {
		return errors.New("api: Options.IntrospectionTTL may not be negative")
	}
	if o.MaxBody == 0 {
		o.MaxBody = defaultMaxBody
	}
	if err := o.completeBeside(); err != nil {
		return err
	}
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Expiry == nil {
		o.Expiry = ISO8601(o.Location)
	}
	if o.Client == nil {
		o.Client = ClientFromField(clientField)
	}
	return nil
}

// completeBeside is complete for verify and the metadata.
func (o *Options) completeBeside() error {
	if o.IdentityPrefix == "" {
		o.IdentityPrefix = defaultIdentityPrefix
	}
	for i := range len(o.IdentityPrefix) {
		if c := o.IdentityPrefix[i]; c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return fmt.Errorf("api: Options.IdentityPrefix %q cannot begin a header's name", o.IdentityPrefix)
		}
	}
	o.PublicURL = strings.TrimRight(o.PublicURL, "/")
	for name, text := range map[string]string{"PublicURL": o.PublicURL, "SignInURL": o.SignInURL} {
		u, err := url.Parse(text)
		if name == "SignInURL" && isPath(text) {
			continue
		}
		if text != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Fragment != "") {
			return fmt.Errorf("api: Options.%s %q is no URL like https://auth.example.org", name, text)
		}
	}
	o.ReturnTo = slices.Clone(o.ReturnTo)
	for i, host := range o.ReturnTo {
		if host == "" || strings.ContainsAny(host, "/*@ ") {
			return fmt.Errorf("api: Options.ReturnTo: %q is no host like app.example.org", host)
		}
		o.ReturnTo[i] = strings.ToLower(host)
	}
	return nil
}

// isPath reports a path of the origin that is asked, with or without a query.
func isPath(text string) bool {
	return strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "//") &&
		!strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '\\' || c == '#' })
}
