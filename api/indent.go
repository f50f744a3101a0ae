package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// maxIndent is the widest indentation, as in django-rest-framework.
const maxIndent = 8

// indentWidth is how far the caller asks JSON to be indented, by
// "Accept: application/json; indent=4". Zero: not at all.
func indentWidth(r *http.Request) int {
	for _, header := range r.Header["Accept"] {
		for accepted := range strings.SplitSeq(header, ",") {
			media, params, _ := strings.Cut(accepted, ";")
			switch strings.ToLower(strings.TrimSpace(media)) {
			case "application/json", "application/*", "*/*":
			default:
				continue
			}
			for param := range strings.SplitSeq(params, ";") {
				name, value, _ := strings.Cut(param, "=")
				width, err := strconv.Atoi(strings.TrimSpace(value))
				if strings.EqualFold(strings.TrimSpace(name), "indent") && err == nil {
					return max(0, min(width, maxIndent))
				}
			}
		}
	}
	return 0
}

// An indenter keeps an answer back until finish indents it.
type indenter struct {
	http.ResponseWriter
	width  int
	status int
	body   bytes.Buffer
}

func (i *indenter) WriteHeader(status int) {
	if i.status == 0 {
		i.status = status
	}
}

func (i *indenter) Write(p []byte) (int, error) {
	i.WriteHeader(http.StatusOK)
	return i.body.Write(p)
}

// finish writes the answer. A body that is no JSON stays as it is.
func (i *indenter) finish() {
	if i.status == 0 {
		return
	}
	body := i.body.Bytes()
	var pretty bytes.Buffer
	if json.Indent(&pretty, body, "", strings.Repeat(" ", i.width)) == nil {
		body = pretty.Bytes()
	}
	i.ResponseWriter.WriteHeader(i.status)
	if len(body) > 0 {
		_, _ = i.ResponseWriter.Write(body)
	}
}
