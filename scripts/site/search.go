package main

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/yuin/goldmark/ast"
)

// A section is what the search finds: the text below one heading.
type section struct {
	URL     string `json:"u"` // "operating.html#backup"
	Page    string `json:"p"`
	Heading string `json:"h"`
	Text    string `json:"t"`
}

func sectionsOf(tree ast.Node, source []byte, p *page) []section {
	all := []section{{URL: p.Out, Page: p.Title, Heading: p.Title}}
	for n := tree.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok && h.Level > 1 {
			id, _ := h.AttributeString("id")
			name, _ := id.([]byte)
			all = append(all, section{URL: p.Out + "#" + string(name), Page: p.Title, Heading: textOf(h, source)})
			continue
		} else if ok {
			continue
		}
		last := &all[len(all)-1]
		last.Text += textOf(n, source) + " "
	}
	return all
}

// writeIndex writes a script and no JSON: a page that is opened as a file may load
// scripts, but fetch nothing.
func (s *site) writeIndex(out string) error {
	all := []section{}
	for _, p := range s.pages {
		all = append(all, p.sections...)
	}
	data, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "index.js"), append(append([]byte("window.searchIndex="), data...), ';', '\n'), 0o644)
}
