// Package pages is what the admin pages and the account pages share: how a page
// is put together, its style and its words, the headers that keep browsers
// careful, notices that outlive a redirect, forms and charts.
//
// Every page works without scripts. What a page says stands in the file of texts
// of its package, so that it can be said in another language.
package pages

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Options say what a Site is made of.
type Options struct {
	// Path is where the site is mounted, with a slash at both ends.
	Path string
	// Templates holds a *.html for each page, which defines "content", and
	// part-*.html for what several use.
	Templates fs.FS
	// Texts are the words of the pages, a "key = text" a line.
	Texts string
	// Cookie is the name of the site's cookie; the notices' begins with it.
	Cookie string
	// Origins are those whose forms may change something, besides the
	// request's own: the public origin, where a proxy hides it.
	Origins []string
	Log     *slog.Logger
	Now     func() time.Time
}

// A Site renders pages. It is safe for concurrent use.
type Site struct {
	opt       Options
	texts     Texts
	templates map[string]*template.Template
	assets    map[string]asset
	origins   *http.CrossOriginProtection
}

// New parses all templates: what is wrong with one shows at the start.
func New(o Options) (*Site, error) {
	if !strings.HasPrefix(o.Path, "/") || !strings.HasSuffix(o.Path, "/") || strings.ContainsAny(o.Path, "?#{}\\ ") {
		return nil, fmt.Errorf("the path %q does not begin and end with a slash, or has odd characters", o.Path)
	}
	s := &Site{opt: o, origins: http.NewCrossOriginProtection()}
	for _, origin := range o.Origins {
		if err := s.origins.AddTrustedOrigin(origin); err != nil {
			return nil, err
		}
	}
	var err error
	if s.texts, err = ParseTexts(sharedTexts, o.Texts); err != nil {
		return nil, err
	}
	if s.assets, err = hashAssets(); err != nil {
		return nil, err
	}
	return s, s.parse()
}

func (s *Site) parse() error {
	base, err := template.New("").Funcs(s.functions()).ParseFS(shared, "templates/*.html")
	if err != nil {
		return err
	}
	names, err := fs.Glob(s.opt.Templates, "*.html")
	if err != nil {
		return err
	}
	parts, err := fs.Glob(s.opt.Templates, "part-*.html")
	if err != nil {
		return err
	}
	if len(parts) > 0 {
		if base, err = base.ParseFS(s.opt.Templates, parts...); err != nil {
			return err
		}
	}
	s.templates = map[string]*template.Template{}
	for _, name := range names {
		if slices.Contains(parts, name) {
			continue
		}
		page, err := base.Clone()
		if err == nil {
			page, err = page.ParseFS(s.opt.Templates, name)
		}
		if err != nil {
			return err
		}
		s.templates[strings.TrimSuffix(name, ".html")] = page
	}
	page, err := base.Clone()
	if err == nil {
		page, err = page.Parse(`{{define "content"}}{{template "message" .}}{{end}}`)
	}
	s.templates["message"] = page
	return err
}

// A View is what a page shows.
type View struct {
	Status int    // zero: 200
	Title  string // of the window and the page
	Here   string // the key of the entry of Nav that the page belongs to
	Nav    []Link
	User   string // who is signed in; empty: nobody
	Brand  string
	Notice *Notice
	// Intro is a sentence below the title.
	Intro string
	Data  any
	// Path is where the site is mounted. Render sets it.
	Path string
}

// A Link is an entry of the navigation.
type Link struct{ Key, Text, URL string }

// Render answers with a page. It is put together before anything is sent: a
// fault in it never shows half a page.
func (s *Site) Render(w http.ResponseWriter, r *http.Request, page string, v View) {
	v.Path = s.opt.Path
	if v.Notice == nil {
		v.Notice = s.notice(w, r)
	}
	if v.Status == 0 {
		v.Status = http.StatusOK
	}
	body, err := s.render(page, v)
	if err != nil {
		s.opt.Log.ErrorContext(r.Context(), "durin: a page could not be put together", "page", page, "error", err)
		http.Error(w, s.texts.Text("error.page"), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(v.Status)
	_, _ = w.Write(body)
}

func (s *Site) render(page string, v View) ([]byte, error) {
	t := s.templates[page]
	if t == nil {
		return nil, errors.New("there is no such template")
	}
	var body bytes.Buffer
	err := t.ExecuteTemplate(&body, "layout", v)
	return body.Bytes(), err
}

// Message answers with a page that has only a sentence, for that status.
func (s *Site) Message(w http.ResponseWriter, r *http.Request, v View, status int) {
	key := fmt.Sprintf("error.%d", status)
	if _, ok := s.texts[key+".title"]; !ok {
		key = "error.500"
	}
	v.Status, v.Title, v.Intro = status, s.texts.Text(key+".title"), s.texts.Text(key+".text")
	s.Render(w, r, "message", v)
}

// Text is the text of that key, with its arguments.
func (s *Site) Text(key string, args ...any) string { return s.texts.Text(key, args...) }

// Count is the text of that key for n things.
func (s *Site) Count(key string, n int, args ...any) string { return s.texts.Count(key, n, args...) }

// Path is where the site is mounted.
func (s *Site) Path() string { return s.opt.Path }
