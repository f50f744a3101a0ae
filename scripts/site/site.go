package main

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed static page.html
var own embed.FS

// A page is one Markdown file.
type page struct {
	File     string // "docs/operating.md"
	Out      string // "operating.html"
	Title    string
	Body     template.HTML
	Parts    []part // its headings of the second level
	sections []section
	images   []string // files, from the root
}

// A part is an entry of a page's own table of contents.
type part struct{ ID, Title string }

// A site is all pages, in order.
type site struct {
	root     string
	chapters []*chapter
	pages    []*page
	byFile   map[string]*page
}

// load reads and renders all pages.
func load(root string) (*site, error) {
	s := &site{root: root, chapters: chapters(), byFile: map[string]*page{}}
	if err := s.collect(); err != nil {
		return nil, err
	}
	var faults []error
	for _, p := range s.pages {
		if err := s.render(p); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", p.File, err))
		}
	}
	return s, errors.Join(faults...)
}

// collect gives each file its chapter.
func (s *site) collect() error {
	found, err := filepath.Glob(filepath.Join(s.root, "docs", "*.md"))
	if err != nil {
		return err
	}
	named := map[string]bool{}
	for _, c := range s.chapters {
		for _, file := range c.files {
			named[file] = true
		}
	}
	last := s.chapters[len(s.chapters)-1]
	for _, file := range found {
		if name := "docs/" + filepath.Base(file); !named[name] {
			last.files = append(last.files, name)
		}
	}
	for _, c := range s.chapters {
		for _, file := range c.files {
			if _, err := os.Stat(filepath.Join(s.root, file)); errors.Is(err, fs.ErrNotExist) {
				continue // a page that is still to be written
			}
			p := &page{File: file, Out: outName(file)}
			c.Pages, s.pages, s.byFile[file] = append(c.Pages, p), append(s.pages, p), p
		}
	}
	return nil
}

func outName(file string) string {
	if file == "README.md" {
		return "index.html"
	}
	name := strings.ToLower(strings.TrimSuffix(path.Base(file), ".md")) + ".html"
	if path.Dir(file) == "." { // SECURITY.md is not docs/security.md
		return "project-" + name
	}
	return name
}

// A view is what the template sees.
type view struct {
	*page
	Chapters       []*chapter
	Before, Behind *page
	Source         string
}

func (s *site) write(out string) error {
	shape, err := template.ParseFS(own, "page.html")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for i, p := range s.pages {
		v := view{page: p, Chapters: s.chapters, Source: repository + "/blob/main/" + p.File}
		if i > 0 {
			v.Before = s.pages[i-1]
		}
		if i+1 < len(s.pages) {
			v.Behind = s.pages[i+1]
		}
		var text strings.Builder
		if err := shape.Execute(&text, v); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, p.Out), []byte(text.String()), 0o644); err != nil {
			return err
		}
	}
	return errors.Join(s.writeIndex(out), s.copyStatic(out), s.copyImages(out))
}

// copyStatic brings the sheet of the product's own pages, and what the site adds.
func (s *site) copyStatic(out string) error {
	pages := filepath.Join(s.root, "internal", "pages", "static")
	var faults []error
	for _, name := range []string{"pages.css", "mark.svg"} {
		faults = append(faults, copyFile(filepath.Join(pages, name), filepath.Join(out, name)))
	}
	entries, err := own.ReadDir("static")
	faults = append(faults, err)
	for _, e := range entries {
		data, err := own.ReadFile("static/" + e.Name())
		if err == nil {
			err = os.WriteFile(filepath.Join(out, e.Name()), data, 0o644)
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

func (s *site) copyImages(out string) error {
	var done []string
	var faults []error
	for _, p := range s.pages {
		for _, image := range p.images {
			if !slices.Contains(done, image) {
				done = append(done, image)
				faults = append(faults, copyFile(filepath.Join(s.root, image), filepath.Join(out, "images", path.Base(image))))
			}
		}
	}
	return errors.Join(faults...)
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}
