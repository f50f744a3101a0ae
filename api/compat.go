package api

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/header"
	"github.com/durin-go/durin/internal/payload"
)

// Compat are the login routes of libraries that a project used before, for front
// ends that still speak to them. The zero value of each leaves it out. Tokens go
// to a client that the project names: with the policy evict each login gets a
// token of its own, as with knox and drf-multitokenauth; DRF's own authtoken
// hands out one token again and again, which is the policy reuse.
type Compat struct {
	// Knox has login, logout and logoutall below its Path, as
	// django-rest-knox 5: logins by HTTP Basic authentication, or with user
	// name and password in the body.
	Knox CompatRoutes
	// DRF is obtain_auth_token of django-rest-framework, at its Path itself.
	DRF CompatRoutes
	// Multitoken has login and logout below its Path, as drf-multitokenauth.
	Multitoken CompatRoutes
}

// CompatRoutes say where the routes of a library lie, and whose tokens they hand
// out.
type CompatRoutes struct {
	// Path is as it is in requests: /api/auth/knox. Empty: there are none.
	Path string
	// Client is the client's name.
	Client string
}

// addCompatRoutes adds the routes of c, where nothing else is.
func (h *Handler) addCompatRoutes(c Compat) error {
	for _, lib := range []struct {
		name string
		at   CompatRoutes
		make func(CompatRoutes) map[string]*route
	}{{"Knox", c.Knox, h.knox}, {"DRF", c.DRF, h.drf}, {"Multitoken", c.Multitoken, h.multitoken}} {
		if lib.at.Path == "" {
			continue
		}
		lib.at.Path = strings.TrimRight(lib.at.Path, "/")
		if !strings.HasPrefix(lib.at.Path, "/") {
			return fmt.Errorf("api: Options.Compat.%s: the path %q does not begin with a slash", lib.name, lib.at.Path)
		}
		if lib.at.Client == "" {
			return fmt.Errorf("api: Options.Compat.%s names no client", lib.name)
		}
		for path, rt := range lib.make(lib.at) {
			if h.Owns(path) {
				return fmt.Errorf("api: Options.Compat.%s: the path %s is taken", lib.name, path)
			}
			h.routes[path] = rt
		}
	}
	return nil
}

func (h *Handler) knox(at CompatRoutes) map[string]*route {
	return map[string]*route{
		at.Path + "/login":     h.public("compat", methods{"POST": func(w http.ResponseWriter, r *http.Request) { h.knoxLogin(w, r, at.Client) }}),
		at.Path + "/logout":    h.protected("compat", methods{"POST": h.logOut}),
		at.Path + "/logoutall": h.protected("compat", methods{"POST": h.knoxLogOutAll}),
	}
}

func (h *Handler) drf(at CompatRoutes) map[string]*route {
	return map[string]*route{
		at.Path: h.public("compat", methods{"POST": func(w http.ResponseWriter, r *http.Request) { h.tokenLogin(w, r, at.Client, "") }}),
	}
}

func (h *Handler) multitoken(at CompatRoutes) map[string]*route {
	return map[string]*route{
		at.Path + "/login":  h.public("compat", methods{"POST": func(w http.ResponseWriter, r *http.Request) { h.tokenLogin(w, r, at.Client, "token_name") }}),
		at.Path + "/logout": h.public("compat", methods{"POST": h.multitokenLogOut}),
	}
}

// compatLogin logs in with a client that is fixed. The field of the body that
// names the device has another name than ours.
func (h *Handler) compatLogin(r *http.Request, given credentials, body LoginBody, client, deviceField string) (durin.LoggedIn, error) {
	req := h.loginRequest(r, given, body)
	req.ChooseClient = func(ctx context.Context, _ durin.User) (string, error) {
		cookie, err := h.areCookieClients(ctx, client)
		if err == nil && len(cookie) > 0 {
			err = errCookieCompat
		}
		return client, err
	}
	if name, ok := body.Text(deviceField); ok && deviceField != "" && name != "" {
		req.Device.Name = name
	}
	in, err := h.guard.Login(r.Context(), req)
	if err == nil && in.Session.Client.Cookie { // since it was looked at, or by HandOut
		_, err = h.guard.End(r.Context(), durin.Selection{ID: in.Session.ID, UserID: in.Session.UserID})
		return durin.LoggedIn{}, errors.Join(err, errCookieCompat)
	}
	return in, err
}

// errCookieCompat: these routes answer the token in the body, where a token that
// travels in a cookie must never be.
var errCookieCompat = &durin.Error{Status: http.StatusConflict, Detail: "Tokens cannot be issued here: those of the client travel in a cookie."}

// areCookieClients returns those of names that are clients whose tokens travel in
// a cookie.
func (h *Handler) areCookieClients(ctx context.Context, names ...string) ([]string, error) {
	all, err := h.guard.Clients(ctx)
	if err != nil {
		return nil, err
	}
	var cookie []string
	for _, c := range all {
		if c.Cookie && slices.Contains(names, c.Name) {
			cookie = append(cookie, c.Name)
		}
	}
	return cookie, nil
}

// compatToken is the answer of libraries that tell nothing but the token.
type compatToken struct {
	Token string `json:"token"`
}

type compatError struct {
	Error string `json:"error"`
}

// tokenLogin is the login of django-rest-framework's authtoken, and of
// drf-multitokenauth, which takes the device's name in a field.
func (h *Handler) tokenLogin(w http.ResponseWriter, r *http.Request, client, deviceField string) {
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
	in, err := h.compatLogin(r, given, LoginBody{body.Fields}, client, deviceField)
	if errors.Is(err, durin.ErrBadCredentials) {
		durin.WriteJSON(w, http.StatusBadRequest, nonFieldErrors{[]string{durin.ErrBadCredentials.Error()}})
		return
	}
	if err != nil {
		h.guard.Fail(w, r, err)
		return
	}
	durin.WriteJSON(w, http.StatusOK, compatToken{in.Token.Reveal()})
}

// multitokenLogOut ends the caller's session in drf-multitokenauth's words.
func (h *Handler) multitokenLogOut(w http.ResponseWriter, r *http.Request) {
	s, err := h.guard.Check(r)
	if err == nil && s == nil || errors.Is(err, durin.ErrNoToken) {
		durin.WriteJSON(w, http.StatusUnauthorized, compatError{"not logged in"})
		return
	}
	if err == nil {
		err = h.guard.LogOut(r.Context(), s)
	}
	if err != nil {
		h.guard.Fail(w, r, err)
		return
	}
	durin.WriteJSON(w, http.StatusOK, map[string]string{"status": "logged out"})
}

// knoxLogin is knox's LoginView, which django-rest-framework's
// BasicAuthentication guards; and, as projects have it that override it, a login
// with user name and password in the body.
func (h *Handler) knoxLogin(w http.ResponseWriter, r *http.Request, client string) {
	given, basic, err := basicCredentials(r)
	var body payload.Value
	if !basic {
		var faults any
		if given, body, faults, err = h.knoxBody(w, r); faults != nil {
			durin.WriteJSON(w, http.StatusBadRequest, faults)
			return
		}
	}
	var in durin.LoggedIn
	if err == nil {
		in, err = h.compatLogin(r, given, LoginBody{body.Fields}, client, "")
	}
	switch {
	case err == nil:
		durin.WriteJSON(w, http.StatusOK, h.knoxAnswer(in))
	case errors.Is(err, durin.ErrTooManyTokens):
		durin.WriteJSON(w, http.StatusForbidden, compatError{"Maximum amount of tokens allowed per user exceeded."})
	case errors.Is(err, durin.ErrBadCredentials) && basic:
		basicRefused(w, "Invalid username/password.")
	case errors.Is(err, durin.ErrBadCredentials):
		durin.WriteJSON(w, http.StatusBadRequest, nonFieldErrors{[]string{durin.ErrBadCredentials.Error()}})
	case durin.AsError(err).Status == http.StatusUnauthorized:
		basicRefused(w, durin.AsError(err).Detail)
	default:
		h.guard.Fail(w, r, err)
	}
}

// knoxBody reads credentials in a body; one without any is ErrNoToken.
func (h *Handler) knoxBody(w http.ResponseWriter, r *http.Request) (given credentials, body payload.Value, faults any, err error) {
	if body, err = h.readBody(w, r); err != nil {
		return given, body, nil, err
	}
	if len(body.Fields) == 0 {
		return given, body, nil, durin.ErrNoToken
	}
	given, faults = readCredentials(body)
	return given, body, faults, nil
}

// knoxAnswer is what knox's login tells.
func (h *Handler) knoxAnswer(in durin.LoggedIn) LoginAnswer {
	answer := LoginAnswer{Expiry: h.expiry(in.Session.ExpiresAt), Token: in.Token.Reveal()}
	if h.opt.LoginUser {
		answer.User = &UserAnswer{in.User.Name}
	}
	return answer
}

// basicRefused answers as django-rest-framework's BasicAuthentication.
func basicRefused(w http.ResponseWriter, detail string) {
	w.Header().Set("WWW-Authenticate", `Basic realm="api"`)
	durin.WriteJSON(w, http.StatusUnauthorized, map[string]string{"detail": detail})
}

// knoxLogOutAll ends the caller's sessions of this client, as knox ends its own
// and leaves those of other libraries.
func (h *Handler) knoxLogOutAll(w http.ResponseWriter, r *http.Request) {
	s := durin.SessionFrom(r.Context())
	_, err := h.guard.End(r.Context(), durin.Selection{UserID: s.UserID, Client: s.Client.Name, Except: s.ID})
	if err == nil {
		err = h.guard.LogOut(r.Context(), s)
	}
	h.done(w, r, err)
}

// isBasic reports a value of an Authorization header of the scheme Basic.
func isBasic(value string) bool {
	scheme, _, _ := strings.Cut(strings.TrimSpace(value), " ")
	return strings.EqualFold(scheme, "Basic")
}

// badBasic is a fault of a Basic header, in django-rest-framework's words.
func badBasic(what string) error {
	return &durin.Error{Status: http.StatusUnauthorized, Detail: "Invalid basic header. " + what}
}

// basicCredentials reads an Authorization header of the scheme Basic.
func basicCredentials(r *http.Request) (given credentials, basic bool, err error) {
	authorization, ok := header.Single(r.Header["Authorization"])
	parts := strings.Fields(authorization)
	switch {
	case !ok && slices.ContainsFunc(r.Header["Authorization"], isBasic):
		return given, true, badBasic("There is more than one.")
	case len(parts) == 0 || !strings.EqualFold(parts[0], "Basic"):
		return given, false, nil
	case len(parts) == 1:
		return given, true, badBasic("No credentials provided.")
	case len(parts) > 2:
		return given, true, badBasic("Credentials string should not contain spaces.")
	}
	raw, err := base64.StdEncoding.DecodeString(parts[1])
	text := string(raw)
	if !utf8.ValidString(text) {
		text = latin1(raw)
	}
	name, password, found := strings.Cut(text, ":")
	switch {
	case err != nil || !found:
		return given, true, badBasic("Credentials not correctly base64 encoded.")
	case strings.ContainsRune(text, 0): // no user has such a name
		return given, true, durin.ErrBadCredentials
	}
	return credentials{name, password}, true, nil
}

func latin1(raw []byte) string {
	runes := make([]rune, len(raw))
	for i, b := range raw {
		runes[i] = rune(b)
	}
	return string(runes)
}

// clients are the names of those that tokens are handed out of.
func (c Compat) clients() []string {
	var all []string
	for _, at := range []CompatRoutes{c.Knox, c.DRF, c.Multitoken} {
		if at.Path != "" {
			all = append(all, at.Client)
		}
	}
	return all
}

// CookieClients returns the clients that Options.Compat names and whose tokens
// travel in a cookie. The routes answer tokens in the body, so logins for such a
// client are refused.
func (h *Handler) CookieClients(ctx context.Context) ([]string, error) {
	return h.areCookieClients(ctx, h.opt.Compat.clients()...)
}

// MissingClients returns the clients that Options.Compat names and that are not
// there: logins for them are refused until somebody makes them.
func (h *Handler) MissingClients(ctx context.Context) ([]string, error) {
	var missing []string
	for _, name := range h.opt.Compat.clients() {
		_, err := h.guard.ClientByName(ctx, name)
		switch {
		case errors.Is(err, durin.ErrUnknownClient):
			missing = append(missing, name)
		case err != nil:
			return nil, err
		}
	}
	return missing, nil
}
