package api

import "github.com/durin-go/durin/internal/useragent"

// programName is the client that a User-Agent header stands for.
func programName(agent string) string {
	if name := useragent.Name(agent); name != "" {
		return name
	}
	return OtherClient
}
