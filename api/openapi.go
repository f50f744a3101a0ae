package api

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"strings"
)

//go:embed openapi.json
var openAPI []byte

// OpenAPI returns the OpenAPI 3.1 document of the interface, in JSON, with
// prefix, as in Options.Prefix, for the server's path.
func OpenAPI(prefix string) []byte {
	if prefix == "" {
		prefix = defaultPrefix
	}
	mount, err := json.Marshal(strings.TrimRight(prefix, "/"))
	if err != nil { // a string always has a JSON form
		return bytes.Clone(openAPI)
	}
	standard := []byte(`{"default": "` + defaultPrefix + `"}`)
	return bytes.Replace(openAPI, standard, []byte(`{"default": `+string(mount)+`}`), 1)
}
