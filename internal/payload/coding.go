package payload

import (
	"net/http"
	"strings"
)

// Encoded reports a request whose body has a content coding, such as gzip, and
// puts into the answer's headers what RFC 9110 section 15.5.16 wants beside the
// status 415: no coding is decoded here.
func Encoded(answer, request http.Header) bool {
	for _, value := range request["Content-Encoding"] {
		if coding := strings.TrimSpace(value); coding != "" && !strings.EqualFold(coding, "identity") {
			answer.Set("Accept-Encoding", "identity")
			return true
		}
	}
	return false
}
