package pages

import (
	"errors"
	"net/http"

	"github.com/durin-go/durin/internal/payload"
)

// ReadForm reads the form of r, of at most max bytes. Anything but zero is the
// status of an answer that refuses it.
func ReadForm(w http.ResponseWriter, r *http.Request, max int64) (status int) {
	if !Safe(r) && payload.Encoded(w.Header(), r.Header) {
		return http.StatusUnsupportedMediaType
	}
	r.Body = http.MaxBytesReader(w, r.Body, max)
	err := r.ParseForm()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case err != nil:
		return http.StatusBadRequest
	}
	return 0
}

// A Field is one part of a form: its label, what it is for, what is wrong with it.
type Field struct {
	Name  string
	Label string
	Help  string
	Value string
	Error string
	// Kind is "text", "password", "number", "area", "select" or "check".
	Kind         string
	Required     bool
	Autocomplete string // as in HTML
	Options      []Choice
	Max          int    // of characters; zero: no bound
	Suggest      string // the address of suggestions, for the script
	Checked      bool
}

// A Choice is one of a select.
type Choice struct {
	Value, Text string
	Selected    bool
}

// A Form is fields in order.
type Form struct {
	Fields []*Field
	Error  string // of the whole
}

// Add puts a field behind the others and returns it.
func (f *Form) Add(field Field) *Field {
	f.Fields = append(f.Fields, &field)
	return &field
}

// Fault notes what is wrong with the named field, or with the whole where there
// is no such field. The first fault of a field stays.
func (f *Form) Fault(name, message string) {
	for _, field := range f.Fields {
		if field.Name == name {
			if field.Error == "" {
				field.Error = message
			}
			return
		}
	}
	if f.Error == "" {
		f.Error = message
	}
}

// Faults counts the fields that have one, for the head of the form.
func (f *Form) Faults() int {
	n := 0
	for _, field := range f.Fields {
		if field.Error != "" {
			n++
		}
	}
	return n
}
