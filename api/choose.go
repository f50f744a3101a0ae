package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/payload"
)

// A ClientFunc names the client that a login belongs to. It is called after good
// credentials only. No name is answered with "No client specified.", an error
// as by Guard.Fail.
type ClientFunc func(r *http.Request, body LoginBody, u durin.User) (string, error)

// A LoginBody is the fields that came with a login, whatever form they came in.
type LoginBody struct{ fields map[string]payload.Value }

// Text returns a field as text: numbers as they were written, true as "True", and
// empty for a field that is missing or empty. It is not ok if the field cannot
// be told as text, or has characters that no name can have.
func (b LoginBody) Text(field string) (text string, ok bool) {
	v := b.fields[field]
	if !v.Truthy() {
		return "", true
	}
	switch v.Kind {
	case payload.Bool, payload.Int, payload.Float, payload.String:
		return v.Text, v.Surrogate == 0 && !strings.ContainsRune(v.Text, 0)
	default:
		return "", false
	}
}

// ClientFromField takes the client's name from a field of the body.
func ClientFromField(field string) ClientFunc {
	return func(_ *http.Request, body LoginBody, _ durin.User) (string, error) {
		name, ok := body.Text(field)
		if !ok {
			return "", durin.ErrUnknownClient
		}
		return possibleName(name)
	}
}

// ClientNamed has one client for all logins.
func ClientNamed(name string) ClientFunc {
	return func(*http.Request, LoginBody, durin.User) (string, error) { return possibleName(name) }
}

// ClientFromHeader takes the client's name from a header of the request.
func ClientFromHeader(header string) ClientFunc {
	return func(r *http.Request, _ LoginBody, _ durin.User) (string, error) {
		return possibleName(r.Header.Get(header))
	}
}

// possibleName spares the store names that no client can have.
func possibleName(name string) (string, error) {
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxClientName {
		return "", durin.ErrUnknownClient
	}
	return name, nil
}

const maxClientName = 64

// OtherClient is the client of ClientFromUserAgent that stands for all programs
// beyond its bound.
const OtherClient = "other"

// ClientFromUserAgent names the client after the program that sends the request,
// such as "Firefox on Linux" or "curl", and makes it, like template, when it is
// not there. From max clients in the store on, those that it made not alone,
// new programs share OtherClient. Several nodes may exceed max by one each.
func ClientFromUserAgent(guard *durin.Guard, max int, template durin.Client) ClientFunc {
	p := &programs{guard: guard, max: max, template: template}
	return func(r *http.Request, _ LoginBody, _ durin.User) (string, error) {
		return p.client(r.Context(), programName(r.UserAgent()))
	}
}

// programs makes clients for programs.
type programs struct {
	guard    *durin.Guard
	max      int
	template durin.Client
	making   sync.Mutex
}

// client returns name, or OtherClient in its place, once there is such a client.
func (p *programs) client(ctx context.Context, name string) (string, error) {
	if _, err := p.guard.ClientByName(ctx, name); !errors.Is(err, durin.ErrUnknownClient) {
		return name, err
	}
	p.making.Lock()
	defer p.making.Unlock()
	all, err := p.guard.Clients(ctx)
	if err != nil || slices.ContainsFunc(all, func(c durin.Client) bool { return c.Name == name }) {
		return name, err
	}
	if len(all) >= p.max {
		name = OtherClient
	}
	c := p.template
	c.ID, c.Name = 0, name
	if _, err = p.guard.CreateClient(ctx, c); errors.Is(err, durin.ErrExists) {
		err = nil
	}
	return name, err
}
