package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/durin-go/durin"
)

// DefaultClient is the client that sign-ins are for, unless Options say another.
const DefaultClient = "browser"

// Options configure the pages. The zero value is good where the Store owns the
// users.
type Options struct {
	// Path is where the pages are mounted, as the browser sees it. Empty:
	// /account/.
	Path string
	// Brand stands at the head of each page. Empty: My account.
	Brand string

	// Client is the client of sign-ins: one with Cookie set. It is made at the
	// first sign-in if it is not there. Empty: DefaultClient.
	Client string
	// APIKeyClient is the client that API keys are issued for. Empty: the pages
	// know nothing of API keys.
	APIKeyClient string
	// Recent is how long after the password was given no key asks for it. Zero:
	// ten minutes.
	Recent time.Duration
	// Example is the address in the line that shows how a key is used: one that
	// takes a GET. Empty: the API's list of sessions at its usual place.
	Example string
	// Scheme is the word before a key in the Authorization header. Empty:
	// Token.
	Scheme string

	// UserName tells the name of an application's own user, with which it signs
	// in. Nil: the session's UserName, or the id.
	UserName func(ctx context.Context, userID string) (string, error)
	// SetPassword checks a new password by the application's rules and gives it
	// to the user, of whom ID and Name are set, and Password if the Guard knows the
	// hash that the present one was checked by: return durin.ErrPasswordChanged if
	// the user has another one by now (Guard.ChangePassword does). What is wrong with it is a
	// *durin.FieldError of the field "password". Nil: the pages change none.
	SetPassword func(ctx context.Context, u durin.User, pw durin.Secret) error

	// ReturnTo are the hosts, besides the pages' own, whose pages a sign-in
	// may lead back to when next names one: in small letters, with their
	// ports where those are not the scheme's own. They are compared whole.
	// The cookie is the pages' own host's: on another it signs nobody in, but
	// on another port of the same it does.
	ReturnTo []string

	// Origins are the public origins of these pages, like
	// https://www.example.org, where a proxy hides them.
	Origins []string
	// Logger hears of trouble. Nil: slog.Default.
	Logger *slog.Logger
}

func (o *Options) complete(guard *durin.Guard) error {
	if guard == nil {
		return errors.New("account: the Guard is nil")
	}
	setDefault(&o.Path, "/account/")
	if !strings.HasSuffix(o.Path, "/") {
		o.Path += "/"
	}
	setDefault(&o.Brand, "My account")
	setDefault(&o.Client, DefaultClient)
	setDefault(&o.Scheme, "Token")
	setDefault(&o.Recent, 10*time.Minute)
	if o.Recent < 0 {
		return errors.New("account: Options.Recent must not be negative")
	}
	if o.Client == durin.AdminClient || o.APIKeyClient == durin.AdminClient || o.Client == o.APIKeyClient {
		return errors.New("account: Options.Client and APIKeyClient must be two, and neither that of the admin pages")
	}
	if u, err := url.Parse(o.Example); err != nil || o.Example != "" && u.Host == "" || strings.ContainsAny(o.Example, "'\\\n") {
		return errors.New("account: Options.Example is no whole address")
	}
	o.ReturnTo = slices.Clone(o.ReturnTo)
	for i, host := range o.ReturnTo {
		if host == "" || strings.ContainsAny(host, "/*@ ;") {
			return fmt.Errorf("account: Options.ReturnTo: %q is no host like app.example.org", host)
		}
		o.ReturnTo[i] = strings.ToLower(host)
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
