package api

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"net/url"
	"strings"
)

//go:embed openapi.json
var openAPI []byte

// OpenAPI returns the OpenAPI 3.1 document of the interface, in JSON, with
// prefix, as in Options.Prefix, for the server's address: a path, which readers
// of the document resolve against where they found it.
func OpenAPI(prefix string) []byte {
	if prefix == "" {
		prefix = defaultPrefix
	}
	path := strings.TrimRight(prefix, "/")
	if path == "" {
		path = "/"
	}
	mount, err := json.Marshal((&url.URL{Path: path}).EscapedPath())
	if err != nil { // a string always has a JSON form
		return bytes.Clone(openAPI)
	}
	return bytes.Replace(openAPI, []byte(`{"url": "`+defaultPrefix+`"`), []byte(`{"url": `+string(mount)), 1)
}
