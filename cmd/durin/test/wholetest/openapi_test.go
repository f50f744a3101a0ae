package wholetest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/cmd/durin/test/replay"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// A description is the OpenAPI document that answers are held against.
type description struct{ router routers.Router }

// describe reads the document of an interface that is mounted at mount.
func describe(t *testing.T, mount string) description {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI(api.Description{Prefix: mount}))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context(), openapi3.IsOpenAPI31OrLater()); err != nil {
		t.Fatal(err)
	}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return description{router}
}

// check tells where an answer is not as described. Paths and methods that are
// not in the document are none of its business.
func (d description) check(r replay.Result) []string {
	if r.Answer.Status == http.StatusMethodNotAllowed || r.Answer.Status == http.StatusNotFound && r.Answer.Header.Get("Allow") == "" {
		return nil // the router finds routes for neighbours of paths, too
	}
	request := httptest.NewRequest("GET", "/", http.NoBody)
	request.Method, request.URL.Path = r.Step.Request.Method, r.Step.Request.Path
	route, params, err := d.router.FindRoute(request)
	if err != nil {
		return nil
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: request, PathParams: params, Route: route},
		Status:                 r.Answer.Status,
		Header:                 r.Answer.Header,
		Body:                   io.NopCloser(bytes.NewReader(r.Answer.Body)),
		Options:                &openapi3filter.Options{IncludeResponseStatus: true},
	}
	if err := openapi3filter.ValidateResponse(context.Background(), input); err != nil {
		return []string{fmt.Sprintf("not as the OpenAPI document describes: %v", err)}
	}
	return nil
}

// The check is one: it finds answers that are not as described.
func TestDescriptionIsChecked(t *testing.T) {
	d := describe(t, "/api")
	result := func(method, path string, status int, body string, header ...string) replay.Result {
		r := replay.Result{Step: replay.Step{Request: replay.Request{Method: method, Path: path}}}
		r.Answer = replay.Answer{Status: status, Body: []byte(body), Header: http.Header{"Content-Type": {"application/json"}, "Allow": {"POST, OPTIONS"}, "Cache-Control": {"no-store"}}}
		for _, name := range header {
			r.Answer.Header.Del(name)
		}
		return r
	}
	const session = `{"id":1,"client":"web","created":"2030-01-02T03:04:05Z","expiry":null,"has_expired":false,"is_current":true,"expires_in_str":"never"}`
	for _, c := range []struct {
		name string
		fine bool
		replay.Result
	}{
		{"login", true, result("POST", "/api/login/", 200, `{"expiry":null,"token":"a"}`)},
		{"a token in a cookie", true, result("POST", "/api/login/", 200, `{"expiry":null}`)},
		{"no expiry", false, result("POST", "/api/login/", 200, `{"token":"a"}`)},
		{"more than described", false, result("POST", "/api/login/", 200, `{"expiry":null,"token":"a","id":1}`)},
		{"no Allow", false, result("POST", "/api/login/", 200, `{"expiry":null,"token":"a"}`, "Allow")},
		{"may be kept", false, result("POST", "/api/login/", 200, `{"expiry":null,"token":"a"}`, "Cache-Control")},
		{"fields", true, result("POST", "/api/login/", 400, `{"username":["x"]}`)},
		{"a parse error", true, result("POST", "/api/login/", 400, `{"detail":"x"}`)},
		{"other fields", false, result("POST", "/api/login/", 400, `{"client":["x"]}`)},
		{"odd status", false, result("POST", "/api/login/", 418, `{"detail":"x"}`)},
		{"no challenge", false, result("POST", "/api/logout/", 401, `{"detail":"x"}`)},
		{"sessions", true, result("GET", "/api/sessions/", 200, `[`+session+`]`)},
		{"a lone session", false, result("GET", "/api/sessions/", 200, session)},
		{"a current session", true, result("DELETE", "/api/sessions/1", 400, `["x"]`)},
		{"a key not shown", false, result("POST", "/api/apiaccess/", 201, `{"client":"key","created":"2030-01-02T03:04:05Z","expiry":null,"has_expired":false,"expires_in_str":"never"}`)},
	} {
		if faults := d.check(c.Result); (len(faults) == 0) != c.fine {
			t.Errorf("%s: %q", c.name, faults)
		}
	}
}
