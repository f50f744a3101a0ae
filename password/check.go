package password

import (
	_ "embed"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/durin-go/durin"
)

// MinLength is the length of the shortest password that Check takes, in
// characters.
const MinLength = 8

// common holds passwords that are guessed first, a line each, in small letters.
//
//go:embed common.txt
var common string

// Check tells whether pw may become the password of the user called userName:
// at least MinLength characters and at most MaxBytes bytes of valid UTF-8
// without NUL, neither one of the commonest passwords nor the user's name, in
// whatever case. The error is a *durin.FieldError of the field "password".
//
// All of that is held against its NFC form, which is what Hash keeps.
//
// It is for new passwords; a login takes whatever was set.
func Check(pw durin.Secret, userName string) error {
	text := composed(pw).Reveal()
	switch small := strings.ToLower(text); {
	case len(text) > MaxBytes:
		return fault(fmt.Sprintf("A password has at most %d bytes.", MaxBytes))
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return fault("Write the password in valid UTF-8 without NUL.")
	case utf8.RuneCountInString(text) < MinLength:
		return fault(fmt.Sprintf("This password is too short. It must contain at least %d characters.", MinLength))
	case strings.TrimSpace(text) == "":
		return fault("This password is blank.")
	case userName != "" && strings.EqualFold(strings.TrimSpace(text), userName):
		return fault("The password is the user name.")
	case !strings.Contains(small, "\n") && strings.Contains("\n"+common, "\n"+small+"\n"):
		return fault("This password is too common.")
	}
	return nil
}

func fault(message string) error {
	return &durin.FieldError{Field: "password", Message: message}
}
