package admin_test

import (
	"html"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
)

var (
	inputs  = regexp.MustCompile(`<input[^>]*>`)
	selects = regexp.MustCompile(`(?s)<select[^>]* name="([^"]+)".*?</select>`)
	chosen  = regexp.MustCompile(`<option[^>]*value="([^"]*)"[^>]* selected`)
	areas   = regexp.MustCompile(`(?s)<textarea[^>]* name="([^"]+)"[^>]*>\n?(.*?)</textarea>`)
	attr    = regexp.MustCompile(` (name|value|type)="([^"]*)"`)
)

// formOf is what a browser would send of the forms of a page that nobody touched.
func formOf(page string) url.Values {
	form := url.Values{}
	for _, tag := range inputs.FindAllString(page, -1) {
		is := map[string]string{"value": "on"}
		for _, a := range attr.FindAllStringSubmatch(tag, -1) {
			is[a[1]] = html.UnescapeString(a[2])
		}
		if is["name"] != "" && (is["type"] != "checkbox" || strings.Contains(tag, " checked")) {
			form.Set(is["name"], is["value"])
		}
	}
	for _, m := range selects.FindAllStringSubmatch(page, -1) {
		if value := chosen.FindStringSubmatch(m[0]); value != nil {
			form.Set(m[1], html.UnescapeString(value[1]))
		}
	}
	for _, m := range areas.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	return form
}

// TestEveryFieldOfAClientIsInItsForm: the form of a client, sent for another one,
// makes that one the same in each field.
func TestEveryFieldOfAClientIsInItsForm(t *testing.T) {
	base := durin.Client{TTL: 2 * time.Hour, Policy: durin.PolicyEvict, MaxTokens: 2}
	changes := map[string]func(*durin.Client){
		"ID": nil, "Created": nil, // nobody may change them
		"Name":        nil, // each form changes it
		"TTL":         func(c *durin.Client) { c.TTL = 3 * time.Hour },
		"Rate":        func(c *durin.Client) { c.Rate = durin.Rate{N: 7, Period: time.Minute} },
		"Policy":      func(c *durin.Client) { c.Policy = durin.PolicyReject },
		"MaxTokens":   func(c *durin.Client) { c.MaxTokens = 9 },
		"Sliding":     func(c *durin.Client) { c.Sliding = 5 * time.Minute },
		"MaxLife":     func(c *durin.Client) { c.MaxLife = 90 * 24 * time.Hour },
		"Rotate":      func(c *durin.Client) { c.Rotate = 45 * time.Second },
		"NoPassword":  func(c *durin.Client) { c.NoPassword = true },
		"Cookie":      func(c *durin.Client) { c.Cookie = true },
		"Description": func(c *durin.Client) { c.Description = "of <ours>" },
	}
	s := newSite(t)
	b := s.browser()
	b.signIn("ada", rightWord)
	page := func(c durin.Client) string { return "/admin/clients/" + strconv.FormatInt(c.ID, 10) }
	for i, field := range reflect.VisibleFields(reflect.TypeFor[durin.Client]()) {
		change, known := changes[field.Name]
		if !known {
			t.Errorf("durin.Client.%s: say here how it is changed", field.Name)
		}
		if change == nil {
			continue
		}
		one, other := base, base
		one.Name, other.Name = "one-"+strconv.Itoa(i), "other-"+strconv.Itoa(i)
		change(&one)
		one, other = s.Client(one), s.Client(other)
		_, text := b.get(page(one))
		form := formOf(text)
		form.Set("name", "same-"+strconv.Itoa(i))
		if status, text := b.send("POST", page(other), form); status != 200 {
			t.Errorf("%s: the form is answered with %d\n%s", field.Name, status, text)
			continue
		}
		got, err := s.ClientByName(t.Context(), "same-"+strconv.Itoa(i))
		if err != nil {
			t.Errorf("%s: %v", field.Name, err)
			continue
		}
		one.ID, one.Name, one.Created = got.ID, got.Name, got.Created
		if got != one {
			t.Errorf("%s: the form made\n%+v, want\n%+v", field.Name, got, one)
		}
	}
}
