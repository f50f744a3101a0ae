package admin

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/pages"
	"github.com/durin-go/durin/internal/span"
	"github.com/durin-go/durin/throttle"
)

var policies = [...]durin.Policy{durin.PolicyReuse, durin.PolicyReplace, durin.PolicyEvict, durin.PolicyReject}

// clientForm is the form of a client: its fields go by the flags' names of the
// command line. Of values that are given, those are shown.
func (h *Handler) clientForm(c durin.Client, given url.Values) pages.Form {
	var form pages.Form
	text := func(name, value string, change ...func(*pages.Field)) {
		f := pages.Field{Name: name, Kind: "text", Label: h.site.Text("field." + name), Help: h.site.Text("field." + name + ".help"), Value: value}
		if given != nil {
			f.Value = given.Get(name)
		}
		for _, change := range change {
			change(&f)
		}
		form.Add(f)
	}
	text("name", c.Name, func(f *pages.Field) { f.Required, f.Max = true, 64 })
	text("ttl", spanText(c.TTL))
	text("throttle", c.Rate.String())
	policy := string(c.Policy)
	if given != nil {
		policy = given.Get("policy")
	}
	var choices []pages.Choice
	for _, p := range policies {
		choices = append(choices, pages.Choice{Value: string(p), Text: h.site.Text("policy." + string(p)), Selected: string(p) == policy})
	}
	text("policy", policy, func(f *pages.Field) { f.Kind, f.Options, f.Required = "select", choices, true })
	most := ""
	if c.MaxTokens > 0 {
		most = strconv.Itoa(c.MaxTokens)
	}
	text("max-tokens", most)
	text("sliding", spanText(c.Sliding))
	text("max-life", spanText(c.MaxLife))
	text("rotate", spanText(c.Rotate))
	check := func(name string, on bool) {
		if given != nil {
			on = given.Get(name) != ""
		}
		form.Add(pages.Field{Name: name, Kind: "check", Label: h.site.Text("field." + name), Help: h.site.Text("field." + name + ".help"), Checked: on})
	}
	check("no-password", c.NoPassword)
	check("cookie", c.Cookie)
	text("description", c.Description, func(f *pages.Field) { f.Kind, f.Max = "area", 1000 })
	return form
}

// spanText is a span in a form; none is empty.
func spanText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return span.Format(d)
}

// readClient puts what was sent into c, and reports whether all of it is good.
func (h *Handler) readClient(v *visit, c *durin.Client) (pages.Form, bool) {
	given := v.r.PostForm
	form := h.clientForm(*c, given)
	c.Name = strings.TrimSpace(given.Get("name"))
	c.TTL = h.readSpan(&form, given, "ttl")
	c.Sliding = h.readSpan(&form, given, "sliding")
	c.MaxLife = h.readSpan(&form, given, "max-life")
	c.Rotate = h.readSpan(&form, given, "rotate")
	var err error
	if c.Rate, err = throttle.ParseRate(given.Get("throttle")); err != nil {
		form.Fault("throttle", err.Error()+".")
	}
	c.Policy, c.MaxTokens = durin.Policy(given.Get("policy")), 0
	if text := strings.TrimSpace(given.Get("max-tokens")); text != "" {
		if c.MaxTokens, err = strconv.Atoi(text); err != nil || c.MaxTokens < 0 {
			form.Fault("max-tokens", h.site.Text("field.max-tokens.bad"))
		}
	}
	c.NoPassword, c.Cookie = given.Get("no-password") != "", given.Get("cookie") != ""
	c.Description = strings.TrimSpace(strings.ReplaceAll(given.Get("description"), "\r\n", "\n"))
	if c.Name == durin.AdminClient {
		form.Fault("name", h.site.Text("clients.reserved"))
	}
	checked := *c
	if checked.TTL == 0 && form.Faults() == 0 && strings.TrimSpace(given.Get("ttl")) == "" {
		checked.TTL = time.Hour * 24 * 365 * 100 // the Guard sets its own
	}
	if form.Faults() == 0 {
		_ = noteFaults(&form, checked.Validate())
	}
	return form, form.Faults() == 0 && form.Error == ""
}

// readSpan reads a span; what cannot be read is noted. An empty text is none.
func (h *Handler) readSpan(form *pages.Form, given url.Values, name string) time.Duration {
	text := strings.TrimSpace(given.Get(name))
	if text == "" {
		return 0
	}
	d, err := span.Parse(text)
	switch {
	case errors.Is(err, span.ErrTooLong):
		form.Fault(name, h.site.Text("span.long"))
	case err != nil:
		form.Fault(name, h.site.Text("span.bad"))
	case name == "ttl" && d <= 0:
		form.Fault(name, h.site.Text("span.short"))
	}
	return d
}

// noteFaults notes the faults of fields that err joins, and returns err if there
// is none among them.
func noteFaults(form *pages.Form, err error) error {
	if err == nil {
		return nil
	}
	found := false
	var visit func(error)
	visit = func(err error) {
		if fault, ok := err.(*durin.FieldError); ok {
			found = true
			form.Fault(fault.Field, fault.Message)
			return
		}
		switch inner := err.(type) {
		case interface{ Unwrap() []error }:
			for _, e := range inner.Unwrap() {
				visit(e)
			}
		case interface{ Unwrap() error }:
			visit(inner.Unwrap())
		}
	}
	visit(err)
	if found {
		return nil
	}
	return err
}
