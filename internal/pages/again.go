package pages

import (
	"net/http"
	"net/url"
)

// PasswordField is the field of a form in which visitors give their own password
// again.
const PasswordField = "your-password"

// A Rule says whether what a form does asks for the visitor's password again,
// where it was given too long ago, and why.
type Rule struct {
	// Asks decides by the request. Nil: it does not ask.
	Asks func(r *http.Request) bool
	// Why is the reason, for people who read the rules.
	Why string
}

// Rules are those of a site's forms, by the pattern of their path.
type Rules map[string]Rule

// Ask reports whether the form of that path asks for the password, sent as r. One
// that has no rule does.
func (rules Rules) Ask(path string, r *http.Request) bool {
	rule, ok := rules[path]
	return !ok || rule.Asks != nil && rule.Asks(r)
}

// Always is the Asks of a form that asks whatever is sent with it.
func Always(*http.Request) bool { return true }

// AskAgain adds a field for the visitor's password to a form.
func (s *Site) AskAgain(form *Form) *Field {
	return form.Add(Field{
		Name: PasswordField, Kind: "password", Label: s.Text("again.label"), Help: s.Text("again.help"), Required: true, Autocomplete: "current-password",
	})
}

// A Question is a page that asks before something is done: the data of the
// template "question".
type Question struct {
	Form
	Text    string   // what would happen
	Lines   []string // to what
	Hidden  url.Values
	Do      string // the button
	Back    string // the address of not doing it
	Warning string
}

// Resume is a question for the visitor's password that sends r's form, with all
// that was typed into it, once more. Page it only to the sender of r: passwords of
// the form are in it. fault is what is wrong with the password that was given.
func (s *Site) Resume(r *http.Request, fault string) *Question {
	q := &Question{Text: s.Text("again.text"), Do: s.Text("again.do"), Hidden: url.Values{}, Back: s.opt.Path}
	for key, values := range r.PostForm {
		if key != PasswordField {
			q.Hidden[key] = values
		}
	}
	if from, err := url.Parse(r.Referer()); err == nil {
		q.Back = s.Back(from.RequestURI())
	}
	s.AskAgain(&q.Form).Error = fault
	return q
}
