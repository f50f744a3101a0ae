package main_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/cmd/durin/internal/replay"
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
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI(mount))
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
