package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// built is the site of this repository.
func built(t *testing.T) (*site, string) {
	t.Helper()
	s, err := load("../..")
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	if err := s.write(out); err != nil {
		t.Fatal(err)
	}
	return s, out
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	idOf   = regexp.MustCompile(` id="([^"]+)"`)
	linkOf = regexp.MustCompile(` (?:href|src)="([^"]+)"`)
)

// Each link between pages leads to a page, and each anchor to a heading.
func TestLinks(t *testing.T) {
	s, out := built(t)
	ids := map[string]map[string]bool{}
	for _, p := range s.pages {
		ids[p.Out] = map[string]bool{}
		for _, m := range idOf.FindAllStringSubmatch(readFile(t, filepath.Join(out, p.Out)), -1) {
			if ids[p.Out][m[1]] {
				t.Errorf("%s has two of id %s", p.Out, m[1])
			}
			ids[p.Out][m[1]] = true
		}
	}
	count := 0
	for _, p := range s.pages {
		for _, m := range linkOf.FindAllStringSubmatch(readFile(t, filepath.Join(out, p.Out)), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			count++
			file, anchor, _ := strings.Cut(m[1], "#")
			if file == "" {
				file = p.Out
			}
			if _, err := os.Stat(filepath.Join(out, file)); err != nil {
				t.Errorf("%s: there is no %s", p.Out, file)
			} else if anchor != "" && !ids[file][anchor] {
				t.Errorf("%s: %s has no heading %s", p.Out, file, anchor)
			}
		}
	}
	if count < 500 {
		t.Errorf("only %d links were followed", count)
	}
}

func TestEveryPageIsThere(t *testing.T) {
	s, _ := built(t)
	found, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(found) == 0 {
		t.Fatal(err)
	}
	for _, file := range found {
		if s.byFile["docs/"+filepath.Base(file)] == nil {
			t.Errorf("%s is not on the site", file)
		}
	}
	for _, p := range s.pages {
		if p.Title == "" || len(p.Body) < 200 {
			t.Errorf("%s: title %q, %d bytes", p.File, p.Title, len(p.Body))
		}
	}
}

// Two makings give the same files.
func TestTheSameTwice(t *testing.T) {
	_, one := built(t)
	_, two := built(t)
	files, err := filepath.Glob(filepath.Join(one, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && !info.IsDir() && readFile(t, file) != readFile(t, filepath.Join(two, filepath.Base(file))) {
			t.Errorf("%s differs", filepath.Base(file))
		}
	}
}

// Nothing that a page's policy would refuse is on it.
func TestPolicy(t *testing.T) {
	s, out := built(t)
	forbidden := regexp.MustCompile(`<[a-z][^>]* (style|on[a-z]+)="|<style|<script[^>]*>[^<]|javascript:`)
	for _, p := range s.pages {
		if found := forbidden.FindString(readFile(t, filepath.Join(out, p.Out))); found != "" {
			t.Errorf("%s: %s", p.Out, found)
		}
	}
}

func TestSlug(t *testing.T) {
	for words, want := range map[string]string{
		"When the database is away": "when-the-database-is-away", "`durin serve`, once": "durin-serve-once", "HTTP/2 & co": "http2--co", "Größe": "größe",
	} {
		if got := slug(words); got != want {
			t.Errorf("%s: %s, want %s", words, got, want)
		}
	}
}
