package api

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/internal/header"
	"github.com/durin-go/durin/internal/span"
)

// oauthError is the body of RFC 6749 section 5.2.
type oauthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// introspection is what RFC 7662 section 2.2 tells of a token. One that is not
// good has nothing but active.
type introspection struct {
	Active    bool   `json:"active"`
	ClientID  string `json:"client_id,omitempty"`
	Username  string `json:"username,omitempty"`
	TokenType string `json:"token_type,omitempty"`
	Expires   int64  `json:"exp,omitempty"` // seconds since 1970
	Issued    int64  `json:"iat,omitempty"`
	Subject   string `json:"sub,omitempty"`
	Issuer    string `json:"iss,omitempty"`
	ID        string `json:"jti,omitempty"` // the session's
}

// introspect tells a resource server of a token (RFC 7662). A token that travels
// in a cookie is active only for one who says with transport=cookie that it came
// in one.
func (h *Handler) introspect(w http.ResponseWriter, r *http.Request) {
	form, _, ok := h.resourceRequest(w, r)
	if !ok {
		return
	}
	s, err := h.guard.Verify(r.Context(), durin.Secret(form.Get("token")))
	if err == nil && s.Client.Cookie != (form.Get("transport") == "cookie") {
		err = durin.ErrInvalidToken
	}
	switch e := durin.AsError(err); {
	case err == nil:
	case e.Status == http.StatusUnauthorized:
		durin.WriteJSON(w, http.StatusOK, introspection{})
		return
	default:
		h.guard.Fail(w, r, err)
		return
	}
	answer := introspection{
		Active: true, ClientID: s.Client.Name, Username: s.UserName, TokenType: "Bearer", Issued: span.Writable(s.IssuedAt, time.UTC).Unix(),
		Subject: s.UserID, Issuer: h.issuer(r), ID: strconv.FormatInt(s.ID, 10),
	}
	if at := h.toldExpiry(s); !at.IsZero() {
		answer.Expires = span.Writable(at, time.UTC).Unix()
	}
	durin.WriteJSON(w, http.StatusOK, answer)
}

// toldExpiry is until when a resource server may hold an answer about s to be
// true; zero: for ever.
func (h *Handler) toldExpiry(s *durin.Session) time.Time {
	if h.opt.IntrospectionTTL == 0 {
		return s.ExpiresAt
	}
	bound := h.guard.Now().Add(h.opt.IntrospectionTTL)
	if s.ExpiresAt.IsZero() || s.ExpiresAt.After(bound) {
		return bound
	}
	return s.ExpiresAt
}

// revoke ends a token for a resource server (RFC 7009). One that is not there is
// as good as ended.
func (h *Handler) revoke(w http.ResponseWriter, r *http.Request) {
	form, server, ok := h.resourceRequest(w, r)
	if !ok {
		return
	}
	ctx := audit.WithActor(r.Context(), audit.Actor{Kind: audit.Resource, ID: strconv.FormatInt(server.ID, 10), Name: server.Name})
	if _, err := h.guard.EndToken(ctx, durin.Secret(form.Get("token"))); err != nil {
		h.guard.Fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// maxTokenForm bounds the bodies of introspect and revoke, in bytes.
const maxTokenForm = 16 << 10

// resourceRequest reads a form with a token from a resource server. When it
// returns false the answer is written.
func (h *Handler) resourceRequest(w http.ResponseWriter, r *http.Request) (url.Values, durin.ResourceServer, bool) {
	var server durin.ResourceServer
	inHeader := strings.Join(r.Header["Authorization"], "") != ""
	if inHeader { // who has no secret learns nothing about the form
		var err error
		if server, err = h.checkServer(r); err != nil {
			h.refuseServer(w, r, err)
			return nil, server, false
		}
	}
	form, fault := readTokenForm(w, r)
	if fault == nil && inHeader && form.Has("client_secret") {
		fault = badRequest("The secret is in the Authorization header and in the form: choose one.") // RFC 6749 section 2.3
	}
	if fault != nil {
		durin.WriteJSON(w, fault.Status, oauthError{"invalid_request", fault.Detail})
		return nil, server, false
	}
	if !inHeader {
		var err error
		if server, err = h.checkNamedServer(r, form.Get("client_id"), form.Get("client_secret")); err != nil {
			h.refuseServer(w, r, err)
			return nil, server, false
		}
	}
	if form.Get("token") == "" {
		durin.WriteJSON(w, http.StatusBadRequest, oauthError{"invalid_request", "The parameter token is missing."})
		return nil, server, false
	}
	return form, server, true
}

func badRequest(detail string) *durin.Error {
	return &durin.Error{Status: http.StatusBadRequest, Detail: detail}
}

// readTokenForm reads a form in which no parameter is there more than once.
func readTokenForm(w http.ResponseWriter, r *http.Request) (url.Values, *durin.Error) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" {
		return nil, badRequest("The body is no form: application/x-www-form-urlencoded.")
	}
	text, err := readAll(w, r, maxTokenForm)
	if err != nil {
		return nil, durin.AsError(err)
	}
	form, err := url.ParseQuery(string(text))
	if err != nil {
		return nil, badRequest("The body cannot be read.")
	}
	for _, values := range form { // RFC 6749 section 3.1
		if len(values) > 1 {
			return nil, badRequest("A parameter is there more than once.")
		}
	}
	return form, nil
}

// refuseServer answers a caller that is no resource server.
func (h *Handler) refuseServer(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, durin.ErrInvalidServer) {
		h.guard.Fail(w, r, err)
		return
	}
	challenge(w.Header(), r)
	durin.WriteJSON(w, http.StatusUnauthorized, oauthError{"invalid_client", durin.ErrInvalidServer.Error()})
}

// checkServer reads the secret of a resource server in the Authorization header:
// as the password of HTTP Basic, with name and secret form-encoded (RFC 6749
// section 2.3.1), or as a Bearer token.
func (h *Handler) checkServer(r *http.Request) (durin.ResourceServer, error) {
	authorization, ok := header.Single(r.Header["Authorization"])
	if !ok {
		return durin.ResourceServer{}, durin.ErrInvalidServer
	}
	if name, secret, basic := r.BasicAuth(); basic {
		name, err1 := url.QueryUnescape(name)
		secret, err2 := url.QueryUnescape(secret)
		if err1 != nil || err2 != nil {
			return durin.ResourceServer{}, durin.ErrInvalidServer
		}
		return h.checkNamedServer(r, name, secret)
	}
	scheme, secret, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return durin.ResourceServer{}, durin.ErrInvalidServer
	}
	return h.guard.CheckResourceServer(r.Context(), "", durin.Secret(strings.TrimSpace(secret)))
}

// checkNamedServer takes a secret only together with the name of its server.
func (h *Handler) checkNamedServer(r *http.Request, name, secret string) (durin.ResourceServer, error) {
	if name == "" {
		return durin.ResourceServer{}, durin.ErrInvalidServer
	}
	return h.guard.CheckResourceServer(r.Context(), name, durin.Secret(secret))
}

// challenge tells how to authenticate, by the scheme that was tried first (RFC
// 6749 section 5.2, RFC 6750 section 3).
func challenge(h http.Header, r *http.Request) {
	basic, bearer := `Basic realm="durin", charset="UTF-8"`, `Bearer realm="durin"`
	if scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		h.Add("WWW-Authenticate", bearer+`, error="invalid_token"`)
		h.Add("WWW-Authenticate", basic)
		return
	}
	h.Add("WWW-Authenticate", basic)
	h.Add("WWW-Authenticate", bearer)
}
