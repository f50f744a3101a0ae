package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const (
	browserTime = 15 * time.Minute // a bound on hanging, not on slowness
	axeFile     = "../../cmd/durin/test/pagestest/testdata/axe-core/axe.min.js"
)

// tab is a browser that looks at the site.
func tab(t *testing.T) (context.Context, string, *site) {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("chromium is not here")
	} else if err != nil {
		t.Fatal("chromium is not here: install Debian's package of that name")
	}
	s, out := built(t)
	server := httptest.NewServer(http.FileServer(http.Dir(out)))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(t.Context(), browserTime)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewContext(ctx, chromedp.WithAllocatorOptions(chromedp.ExecPath(chromium), chromedp.NoSandbox,
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("disable-component-update", true)))
	t.Cleanup(stop)
	return ctx, server.URL + "/", s
}

// ask evaluates a script that returns something, until it is not null.
func ask[T any](t *testing.T, ctx context.Context, what, script string) T {
	t.Helper()
	for ctx.Err() == nil {
		got, err := chromedp.Run(ctx, chromedp.Evaluate[*T]("(() => {"+script+"})()"))
		if err == nil && got != nil {
			return *got
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s: it did not come", what)
	panic("unreachable")
}

func do(t *testing.T, ctx context.Context, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

func TestSearch(t *testing.T) {
	ctx, url, _ := tab(t)
	do(t, ctx, chromedp.Navigate(url+"index.html"))
	ask[bool](t, ctx, "the search", `return document.querySelector('.search') && !document.querySelector('.search').hidden ? true : null`)
	do(t, ctx, chromedp.KeyEvent("/"))
	do(t, ctx, chromedp.KeyEvent("life time fixed sliding"))
	first := ask[string](t, ctx, "what is found", `const a = document.querySelector('.found a'); return a && !document.querySelector('.found').hidden ? a.getAttribute('href') : null`)
	if first == "" {
		t.Error("nothing is found")
	}
	do(t, ctx, chromedp.KeyEvent(kb.ArrowDown))
	ask[bool](t, ctx, "the first place", `return document.activeElement === document.querySelector('.found a') ? true : null`)
	do(t, ctx, chromedp.KeyEvent(kb.Enter))
	page, _, _ := strings.Cut(first, "#")
	ask[bool](t, ctx, "the page "+page, `return location.pathname.endsWith('/`+page+`') || '`+page+`' === 'index.html' ? true : null`)
	do(t, ctx, chromedp.Navigate(url+"operating.html"))
	do(t, ctx, chromedp.KeyEvent("/"))
	do(t, ctx, chromedp.KeyEvent("zzzz"))
	ask[bool](t, ctx, "that nothing is found", `return document.querySelector('.found p').textContent === 'Nothing is found.' ? true : null`)
	do(t, ctx, chromedp.KeyEvent(kb.Escape))
	ask[bool](t, ctx, "the closed list", `return document.querySelector('.found').hidden ? true : null`)
}

type finding struct {
	ID, Impact, Help string
	Nodes            []string
}

// Every page, wide and narrow, light and dark, is looked at by axe-core, and fits.
func TestLook(t *testing.T) {
	ctx, url, s := tab(t)
	axe := readFile(t, axeFile)
	looks := []struct {
		name          string
		width, height int64
		scheme        string
	}{{"wide-light", 1280, 900, "light"}, {"narrow-dark", 390, 844, "dark"}}
	for _, look := range looks {
		do(t, ctx, chromedp.EmulateViewport(look.width, look.height))
		if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.scheme}}}); err != nil {
			t.Fatal(err)
		}
		for i, p := range s.pages {
			if os.Getenv("DURIN_LONG") == "" && i%5 != 0 {
				continue
			}
			do(t, ctx, chromedp.Navigate(url+p.Out))
			what := p.Out + ", " + look.name
			if over := ask[int](t, ctx, what, `return document.readyState === 'complete' ? document.documentElement.scrollWidth - innerWidth : null`); over > 0 {
				t.Errorf("%s: %d pixels wider than the window", what, over)
			}
			accessible(t, ctx, axe, what)
			picture(t, ctx, fmt.Sprintf("%s-%s", strings.TrimSuffix(p.Out, ".html"), look.name))
		}
	}
}

func accessible(t *testing.T, ctx context.Context, axe, what string) {
	t.Helper()
	do(t, ctx, chromedp.Evaluate[chromedp.Void](axe+"; undefined"))
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]finding](`axe.run(document, {
		runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], resultTypes: ['violations'],
	}).then((r) => r.violations.map((v) => ({ID: v.id, Impact: v.impact, Help: v.help, Nodes: v.nodes.map((n) => n.html)})))`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: axe-core: %v", what, err)
	}
	for _, f := range found {
		t.Errorf("%s: %s (%s): %s: %.600v", what, f.ID, f.Impact, f.Help, f.Nodes)
	}
}

// picture writes what can be seen, in the folder that DURIN_SCREENSHOTS names.
func picture(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	folder := os.Getenv("DURIN_SCREENSHOTS")
	if folder == "" {
		return
	}
	shot, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.MkdirAll(folder, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "site-"+name+".png"), shot, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
