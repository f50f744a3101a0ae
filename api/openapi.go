package api

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/durin-go/durin"
)

//go:embed openapi.json
var openAPI []byte

// A Description says in what the interface differs from the document that
// OpenAPI returns. The zero value is that of Options and durin.Options.
type Description struct {
	// Prefix is as in Options.
	Prefix string
	// CookieName is as in durin.Options.
	CookieName string
	// ClientField is the field of the login's body that names the client, as
	// for ClientFromField. Empty: client, unless one of those below is set.
	ClientField string
	// ClientHeader is the header of the login that names the client, as for
	// ClientFromHeader. Empty: none does.
	ClientHeader string
	// ClientKnown says that a login need not name its client.
	ClientKnown bool
}

// OpenAPI returns the OpenAPI 3.1 document of the interface, in JSON.
func OpenAPI(d Description) []byte {
	prefix := d.Prefix
	if prefix == "" {
		prefix = defaultPrefix
	}
	path := strings.TrimRight(prefix, "/")
	if path == "" {
		path = "/"
	}
	text := replace(openAPI, `{"url": "`+defaultPrefix+`"`, `{"url": `+quoted((&url.URL{Path: path}).EscapedPath()))
	if d.CookieName != "" {
		text = replace(text, `"in": "cookie", "name": "`+durin.DefaultCookie+`"`, `"in": "cookie", "name": `+quoted(d.CookieName))
	}
	if d.ClientHeader == "" && !d.ClientKnown && (d.ClientField == "" || d.ClientField == clientField) {
		return text
	}
	var document map[string]any
	if json.Unmarshal(text, &document) != nil { // a test parses it
		return text
	}
	d.changeLogin(document)
	if changed, err := json.MarshalIndent(document, "", "  "); err == nil {
		text = append(changed, '\n')
	}
	return text
}

// clientField is the field of the login's body that names the client, as in
// django-rest-durin.
const clientField = "client"

// changeLogin describes another way to name the client of a login.
func (d Description) changeLogin(document map[string]any) {
	for _, name := range []string{"Credentials", "FormCredentials"} {
		schema := inside(document, "components", "schemas", name)
		fields := inside(schema, "properties")
		required, _ := schema["required"].([]any)
		required = slices.DeleteFunc(required, func(field any) bool { return field == clientField })
		field := fields[clientField]
		delete(fields, clientField)
		if d.ClientHeader == "" && !d.ClientKnown {
			fields[d.ClientField] = field
			required = append(required, d.ClientField)
		}
		schema["required"] = required
	}
	login := inside(document, "paths", "/login/", "post")
	example := inside(login, "requestBody", "content", "application/json", "example")
	switch client := example[clientField]; {
	case d.ClientHeader != "":
		login["parameters"] = []any{map[string]any{
			"name": d.ClientHeader, "in": "header", "required": true, "schema": map[string]any{"type": "string"},
			"description": "The name of the API client.", "example": client,
		}}
	case !d.ClientKnown:
		example[d.ClientField] = client
	}
	delete(example, clientField)
}

// inside is the object at a path of keys; an empty one where there is none.
func inside(object map[string]any, path ...string) map[string]any {
	for _, key := range path {
		object, _ = object[key].(map[string]any)
	}
	if object == nil {
		object = map[string]any{}
	}
	return object
}

func replace(text []byte, old, by string) []byte {
	return bytes.Replace(text, []byte(old), []byte(by), 1)
}

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil { // a string always has a JSON form
		return `""`
	}
	return string(text)
}
