package main

import (
	"bytes"
	"fmt"
	"html/template"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// repository is where links to what is no page lead.
const repository = "https://github.com/durin-go/durin"

var comment = regexp.MustCompile(`(?s)<!--.*?-->\n?`)

// render makes p's body, and what the navigation and the search need of it.
func (s *site) render(p *page) error {
	source, err := os.ReadFile(filepath.Join(s.root, p.File))
	if err != nil {
		return err
	}
	source = comment.ReplaceAll(bytes.ReplaceAll(source, []byte("\r\n"), []byte("\n")), nil)
	md := goldmark.New(goldmark.WithExtensions(
		extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)), extension.Strikethrough, extension.Linkify))
	md.Renderer().AddOptions(renderer.WithNodeRenderers(util.Prioritized(boxes{}, 100)))
	tree := md.Parser().Parse(text.NewReader(source))
	nameHeadings(tree, source, p)
	if err := s.resolve(tree, p); err != nil {
		return err
	}
	p.sections = sectionsOf(tree, source, p)
	var body bytes.Buffer
	if err := md.Renderer().Render(&body, source, tree); err != nil {
		return err
	}
	p.Body = template.HTML(body.String()) //nolint:gosec // the repository's own Markdown, raw HTML left out
	return nil
}

// nameHeadings gives headings the names that the repository's host gives them.
func nameHeadings(tree ast.Node, source []byte, p *page) {
	seen := map[string]int{}
	for n := tree.FirstChild(); n != nil; n = n.NextSibling() {
		h, ok := n.(*ast.Heading)
		if !ok {
			continue
		}
		words := textOf(h, source)
		id := slug(words)
		if seen[id]++; seen[id] > 1 {
			id = fmt.Sprintf("%s-%d", id, seen[id]-1)
		}
		h.SetAttributeString("id", []byte(id))
		switch {
		case h.Level == 1 && p.Title == "":
			p.Title = words
		case h.Level == 2:
			p.Parts = append(p.Parts, part{id, words})
		}
	}
}

func slug(words string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 0x7f:
			return r
		}
		return -1
	}, strings.ToLower(strings.TrimSpace(words)))
}

// textOf is what can be read of n.
func textOf(n ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			if n.Type() == ast.TypeBlock {
				b.WriteByte(' ')
			}
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text:
			b.Write(n.Segment.Value(source))
			if n.SoftLineBreak() || n.HardLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.Write(n.Value)
		case *ast.AutoLink:
			b.Write(n.Label(source))
		case *ast.FencedCodeBlock:
			for i := range n.Lines().Len() {
				line := n.Lines().At(i)
				b.Write(line.Value(source))
			}
		}
		return ast.WalkContinue, nil
	})
	return strings.Join(strings.Fields(b.String()), " ")
}

// resolve turns links between files into links between pages.
func (s *site) resolve(tree ast.Node, p *page) error {
	return ast.Walk(tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			to, err := s.target(p, string(n.Destination))
			if err != nil {
				return ast.WalkStop, err
			}
			n.Destination = []byte(to)
		case *ast.Image:
			file := path.Join(path.Dir(p.File), string(n.Destination))
			p.images = append(p.images, file)
			n.Destination = []byte("images/" + path.Base(file))
			n.SetAttributeString("loading", []byte("lazy"))
		}
		return ast.WalkContinue, nil
	})
}

// target is where a link of p leads on the site.
func (s *site) target(p *page, link string) (string, error) {
	if strings.Contains(link, "://") || strings.HasPrefix(link, "mailto:") || strings.HasPrefix(link, "#") {
		return link, nil
	}
	file, anchor, _ := strings.Cut(link, "#")
	file = path.Join(path.Dir(p.File), file)
	if anchor != "" {
		anchor = "#" + anchor
	}
	if to := s.byFile[file]; to != nil {
		return to.Out + anchor, nil
	}
	info, err := os.Stat(filepath.Join(s.root, file))
	if err != nil {
		return "", fmt.Errorf("the link to %s leads nowhere", link)
	}
	if info.IsDir() {
		return repository + "/tree/main/" + file, nil
	}
	return repository + "/blob/main/" + file + anchor, nil
}

// boxes puts what can be wider than a phone into boxes that scroll, by the keyboard
// too.
type boxes struct{}

func (boxes) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(extast.KindTable, table)
	r.Register(ast.KindFencedCodeBlock, code)
}

func table(w util.BufWriter, _ []byte, _ ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		_, _ = w.WriteString("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table\">\n<table>\n")
	} else {
		_, _ = w.WriteString("</table>\n</div>\n")
	}
	return ast.WalkContinue, nil
}

func code(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	block := n.(*ast.FencedCodeBlock)
	language := string(block.Language(source))
	label := "Example"
	if language == "console" || language == "sh" {
		label = "Commands"
	}
	_, _ = fmt.Fprintf(w, "<div class=\"code\"><pre tabindex=\"0\" role=\"region\" aria-label=\"%s\"><code>", label)
	for i := range block.Lines().Len() {
		line := block.Lines().At(i)
		text := line.Value(source)
		command, isCommand := bytes.CutPrefix(text, []byte("$ "))
		if language == "console" && isCommand {
			_, _ = w.WriteString("<span class=\"prompt\">$ </span><b>")
			_, _ = w.Write(util.EscapeHTML(bytes.TrimSuffix(command, []byte("\n"))))
			_, _ = w.WriteString("</b>\n")
			continue
		}
		_, _ = w.Write(util.EscapeHTML(text))
	}
	_, _ = w.WriteString("</code></pre></div>\n")
	return ast.WalkSkipChildren, nil
}
