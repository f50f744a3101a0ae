package api

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/durin-go/durin/internal/payload"
)

type credentials struct{ name, password string }

// fieldFaults tells what is wrong with the fields of a login.
type fieldFaults struct {
	Username []string `json:"username,omitempty"`
	Password []string `json:"password,omitempty"`
}

// readCredentials takes user name and password out of a body. Faults, if there
// are any, are what to answer with: the words and their order are
// django-rest-framework's.
func readCredentials(body payload.Value) (given credentials, faults any) {
	switch body.Kind {
	case payload.Object:
	case payload.Null:
		return given, nonFieldErrors{[]string{"No data provided"}}
	default:
		return given, nonFieldErrors{[]string{fmt.Sprintf("Invalid data. Expected a dictionary, but got %s.", body.Kind.Name())}}
	}
	var wrong fieldFaults
	given.name, wrong.Username = readText(body.Fields["username"], trim)
	given.password, wrong.Password = readText(body.Fields["password"], func(s string) string { return s })
	if wrong.Username != nil || wrong.Password != nil {
		return credentials{}, wrong
	}
	return given, nil
}

// readText is django-rest-framework's CharField. Numbers count as their text.
func readText(v payload.Value, trim func(string) string) (string, []string) {
	text := trim(v.Text)
	switch v.Kind {
	case payload.Missing:
		return "", []string{"This field is required."}
	case payload.Null:
		return "", []string{"This field may not be null."}
	case payload.Int, payload.Float:
		return text, nil
	case payload.String:
	default:
		return "", []string{"Not a valid string."}
	}
	if text == "" {
		return "", []string{"This field may not be blank."}
	}
	var faults []string
	if strings.ContainsRune(text, 0) {
		faults = append(faults, "Null characters are not allowed.")
	}
	if v.Surrogate != 0 {
		faults = append(faults, fmt.Sprintf("Surrogate characters are not allowed: U+%X.", v.Surrogate))
	}
	return text, faults
}

// trim cuts off what Python's str.strip does.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f
	})
}
