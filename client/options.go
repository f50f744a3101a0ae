package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Options configure a Client. URL and Client are required.
type Options struct {
	// URL is where the API of Durin is mounted, like
	// https://api.example.org/api/auth.
	URL string
	// Client names the API client that tokens are issued for. Tokens of a
	// client whose tokens travel in a cookie are of no use here.
	Client string
	// Device tells the user's list of sessions where this is, such as "Ada's
	// laptop". Empty: nothing.
	Device string

	// Keeper keeps the token between runs of the program. Nil: in memory.
	Keeper Keeper
	// Credentials, when set, is asked for the user's name and password when
	// there is no good token.
	Credentials func(ctx context.Context) (name, password string, err error)

	// Origins are those that get the token beside URL's own, like
	// https://files.example.org.
	Origins []string
	// Scheme is the word before the token in the Authorization header. Empty:
	// Token.
	Scheme string
	// RenewBefore is how long before its end a token is renewed. Zero: a fifth
	// of what was left of its life when it was got, at most an hour; negative:
	// tokens are not renewed.
	RenewBefore time.Duration

	// Transport sends requests. Nil: http.DefaultTransport.
	Transport http.RoundTripper
	// Timeout bounds a log-in, a renewal and a log-out. Zero: 30 seconds.
	Timeout time.Duration
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

func (o *Options) complete() error {
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("client: Options.URL %q is no URL like https://api.example.org/api/auth", o.URL)
	}
	o.URL = strings.TrimRight(o.URL, "/")
	if o.Client == "" {
		return errors.New("client: Options.Client is not set")
	}
	origins := []string{origin(u)}
	for _, text := range o.Origins {
		other, err := url.Parse(text)
		if err != nil || other.Scheme != "http" && other.Scheme != "https" || other.Host == "" || strings.Trim(other.Path, "/") != "" {
			return fmt.Errorf("client: Options.Origins: %q is no origin like https://files.example.org", text)
		}
		origins = append(origins, origin(other))
	}
	o.Origins = origins
	if o.Keeper == nil {
		o.Keeper = Memory()
	}
	if o.Scheme == "" {
		o.Scheme = "Token"
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return nil
}

// origin is u's in one spelling, with its port.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}
