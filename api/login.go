package api

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/payload"
)

// A LoginAnswer is what a login is answered with.
type LoginAnswer struct {
	Expiry *string     `json:"expiry"`          // nil: never
	Token  string      `json:"token,omitempty"` // in clear; empty where it is in the cookie
	User   *UserAnswer `json:"user,omitempty"`
}

// A UserAnswer tells who has logged in.
type UserAnswer struct {
	Username string `json:"username"`
}

// nonFieldErrors is how django-rest-framework tells faults of a whole body.
type nonFieldErrors struct {
	Errors []string `json:"non_field_errors"`
}

// login hands out a token. The Authorization header changes nothing, but that a
// live token of the user tells the login limiter of a known device.
func (h *Handler) login(w http.ResponseWriter, r *http.Request) {
	body, err := h.readBody(w, r)
	if err != nil {
		h.guard.Fail(w, r, err)
		return
	}
	given, faults := readCredentials(body)
	if faults != nil {
		durin.WriteJSON(w, http.StatusBadRequest, faults)
		return
	}
	in, err := h.guard.Login(r.Context(), h.loginRequest(r, given, LoginBody{body.Fields}))
	if errors.Is(err, durin.ErrBadCredentials) {
		durin.WriteJSON(w, http.StatusBadRequest, nonFieldErrors{[]string{durin.ErrBadCredentials.Error()}})
		return
	}
	if err != nil {
		h.guard.Fail(w, r, err)
		return
	}
	if in.Session.Client.Cookie {
		if err := h.guard.CheckOrigin(r); err != nil { // HandOut chose another client
			h.guard.Fail(w, r, err)
			return
		}
		if err := h.guard.Supersede(r, &in.Session); err != nil {
			h.guard.Fail(w, r, err)
			return
		}
		h.guard.SetCookie(w, in.Token, &in.Session)
	}
	durin.WriteJSON(w, http.StatusOK, h.loginAnswer(r, in))
}

func (h *Handler) loginRequest(r *http.Request, given credentials, body LoginBody) durin.LoginRequest {
	req := durin.LoginRequest{
		Name: given.name, Password: durin.Secret(given.password), Device: h.device(r), Address: h.guard.Address(r), KnownUser: h.guard.KnownUser(r, given.name),
		ChooseClient: func(_ context.Context, u durin.User) (string, error) { return h.chooseClient(r, body, u) },
	}
	if name, ok := body.Text("device"); ok {
		req.Device.Name = name
	}
	if h.opt.HandOut != nil {
		req.HandOut = func(_ context.Context, u durin.User, req durin.IssueRequest, issue durin.IssueFunc) (durin.Issued, error) {
			return h.opt.HandOut(r, u, req, issue)
		}
	}
	return req
}

// chooseClient names the client of a login. A page of another origin signs nobody
// in whose token travels in a cookie: the browser would go on as somebody else.
func (h *Handler) chooseClient(r *http.Request, body LoginBody, u durin.User) (string, error) {
	name, err := h.opt.Client(r, body, u)
	if err != nil {
		return "", err
	}
	cross := h.guard.CheckOrigin(r)
	if cross == nil {
		return name, nil
	}
	c, err := h.guard.ClientByName(r.Context(), name)
	switch {
	case errors.Is(err, durin.ErrUnknownClient): // the login tells it
		return name, nil
	case err == nil && c.Cookie:
		return "", cross
	}
	return name, err
}

func (h *Handler) loginAnswer(r *http.Request, in durin.LoggedIn) any {
	answer := LoginAnswer{Expiry: h.expiry(in.Session.ExpiresAt)}
	if !in.Session.Client.Cookie || h.opt.CookieToken {
		answer.Token = in.Token.Reveal()
	}
	if h.opt.LoginUser {
		answer.User = &UserAnswer{in.User.Name}
	}
	if h.opt.Answer != nil {
		return h.opt.Answer(r, in, answer)
	}
	return answer
}

// readBody reads and parses the body; its errors are *durin.Error.
func (h *Handler) readBody(w http.ResponseWriter, r *http.Request) (payload.Value, error) {
	text, err := readAll(w, r, h.opt.MaxBody)
	if err != nil {
		return payload.Value{}, err
	}
	body, err := payload.Parse(r.Header.Get("Content-Type"), text)
	var fault *payload.Error
	if errors.As(err, &fault) {
		return payload.Value{}, &durin.Error{Status: fault.Status, Detail: fault.Detail}
	}
	return body, err
}

// readAll reads a body of at most max bytes; its errors are *durin.Error.
func readAll(w http.ResponseWriter, r *http.Request, max int64) ([]byte, error) {
	if payload.Encoded(w.Header(), r.Header) {
		return nil, &durin.Error{Status: http.StatusUnsupportedMediaType, Detail: "The request body has a content coding: send it without Content-Encoding."}
	}
	stream := r.Body
	if stream == nil {
		stream = http.NoBody
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, stream, max))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &durin.Error{Status: http.StatusRequestEntityTooLarge, Detail: "The request body is too large."}
	case err != nil:
		return nil, &durin.Error{Status: http.StatusBadRequest, Detail: "The request body could not be read."}
	}
	return text, nil
}
