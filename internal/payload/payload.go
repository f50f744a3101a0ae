// Package payload reads the bodies that strangers send to the login: JSON, forms
// and multipart forms, as leniently as django-rest-framework's parsers. Whatever comes in,
// it neither fails in another way than with an *Error, nor lets invalid UTF-8
// out.
package payload

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// A Kind is what a Value was in the body.
type Kind int

const (
	Missing Kind = iota // not in the body at all
	Null
	Bool
	Int
	Float
	String
	List
	Object
	File // a part of a multipart form that has a file name
)

// Name is the name of the kind's type in Python, which the contract's messages
// tell.
func (k Kind) Name() string {
	switch k {
	case Bool:
		return "bool"
	case Int:
		return "int"
	case Float:
		return "float"
	case String:
		return "str"
	case List:
		return "list"
	case Object:
		return "dict"
	default:
		return "NoneType"
	}
}

// A Value is what a body, or a field of it, holds.
type Value struct {
	Kind Kind
	// Text is a string's text, or a number as it was written, in valid
	// UTF-8. Lone surrogates stand in it as U+FFFD.
	Text string
	// Surrogate is the first lone surrogate of a string; zero: none.
	Surrogate rune
	// Empty says that a List or Object has no elements.
	Empty bool
	// True is the value of a Bool.
	True bool
	// Fields are the members of the outermost Object. Inner ones are not
	// kept.
	Fields map[string]Value
}

// Truthy reports whether Python takes the value for true.
func (v Value) Truthy() bool {
	switch v.Kind {
	case Missing, Null:
		return false
	case Bool:
		return v.True
	case Int, Float:
		f, _ := strconv.ParseFloat(v.Text, 64)
		return f != 0
	case String:
		return v.Text != ""
	case List, Object:
		return !v.Empty
	default:
		return true
	}
}

// An Error is a body that cannot be read.
type Error struct {
	Status int    // 400 or 415
	Detail string // for the one who sent it
}

func (e *Error) Error() string { return e.Detail }

func malformed(form, format string, args ...any) *Error {
	return &Error{http.StatusBadRequest, form + " parse error - " + fmt.Sprintf(format, args...)}
}

// maxFields is how many fields a form may have, as in Django.
const maxFields = 1000

// Parse reads body by its Content-Type header, which may be empty. No body is an
// Object without fields, whatever its type. All text is UTF-8, whatever charset
// the header names.
func Parse(contentType string, body []byte) (Value, error) {
	if len(body) == 0 {
		return Value{Kind: Object, Empty: true}, nil
	}
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		kind = ""
	}
	switch kind {
	case "application/json", "application/*", "*/*":
		return parseJSON(body)
	case "application/x-www-form-urlencoded":
		return parseForm(body)
	case "multipart/form-data":
		return parseMultipart(body, params["boundary"])
	}
	return Value{}, &Error{http.StatusUnsupportedMediaType, `Unsupported media type "` + strings.ToValidUTF8(contentType, "\uFFFD") + `" in request.`}
}

// fields makes the Object of a form.
func fields(all map[string]Value) Value {
	return Value{Kind: Object, Fields: all, Empty: len(all) == 0}
}
