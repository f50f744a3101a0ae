package pages

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"

	"github.com/durin-go/durin/internal/span"
	"github.com/durin-go/durin/internal/useragent"
)

// functions are what templates call.
func (s *Site) functions() template.FuncMap {
	return template.FuncMap{
		"t":       s.texts.Text,
		"tn":      s.texts.Count,
		"asset":   s.assetURL,
		"at":      func(path ...any) string { return s.At(path...) },
		"time":    s.timeTag,
		"day":     func(t time.Time) string { return t.UTC().Format("2 Jan") },
		"fullday": func(t time.Time) string { return t.UTC().Format("Monday, 2 January 2006") },
		"span":    span.Format,
		"until":   func(t time.Time) string { return span.Between(s.opt.Now(), t) },
		"number":  Number[int64],
		"device":  s.Device,
		"dict":    dict,
	}
}

// At is the address of a page of the site: path segments, each escaped, joined
// by slashes.
func (s *Site) At(segments ...any) string {
	escaped := make([]string, len(segments))
	for i, segment := range segments {
		escaped[i] = url.PathEscape(fmt.Sprint(segment))
	}
	return s.opt.Path + strings.Join(escaped, "/")
}

// timeTag tells an instant: in UTC, until the script writes it in the viewer's
// zone, and exactly where it is pointed at.
func (s *Site) timeTag(t time.Time) template.HTML {
	if t.IsZero() {
		return template.HTML(`<span class="quiet">` + template.HTMLEscapeString(s.texts.Text("time.never")) + `</span>`)
	}
	t = span.Writable(t, time.UTC)
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`,
		t.Format(time.RFC3339), t.Format("2006-01-02 15:04:05.000000 UTC"), t.Format("2 Jan 2006, 15:04 UTC")))
}

// Device tells a User-Agent header in words.
func (s *Site) Device(agent string) string {
	if name := useragent.Name(agent); name != "" {
		return name
	}
	if agent == "" {
		return s.texts.Text("device.none")
	}
	return s.texts.Text("device.other")
}

// dict hands several values to a template: name, value, name, value.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict: %d names and values", len(pairs))
	}
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m, nil
}
