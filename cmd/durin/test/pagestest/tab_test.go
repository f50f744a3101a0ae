package pagestest

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A window is how people look at a page.
type window struct {
	name    string
	width   int64
	height  int64
	scripts bool
}

var windows = []window{
	{"wide", 1280, 900, true}, {"wide without scripts", 1280, 900, false}, {"narrow", 390, 844, true}, {"narrow without scripts", 390, 844, false},
}

// A tab is a person in front of a browser of its own: it knows of a page what can
// be seen, and does what can be done with a mouse and a keyboard.
type tab struct {
	t   *testing.T
	ctx context.Context
	url string
}

const (
	tabTime  = 8 * time.Minute // at most for all that a tab does
	sightFor = time.Minute     // how long one waits for something to appear
)

func (w *world) open(t *testing.T, win window) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(chromium(t), chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(win.width, win.height)); err != nil {
		t.Fatal(err)
	}
	if !win.scripts {
		if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel = context.WithTimeout(ctx, tabTime)
	t.Cleanup(cancel)
	return &tab{t, ctx, w.url}
}

func (p *tab) visit(path string) {
	p.t.Helper()
	url := path
	if strings.HasPrefix(path, "/") {
		url = p.url + path
	}
	if err := chromedp.Do(p.ctx, chromedp.Navigate(url)); err != nil {
		p.t.Fatalf("%s: %v", path, err)
	}
}

// enter presses the key that sends the form, and waits for the next page.
func (p *tab) enter() {
	p.t.Helper()
	until[bool](p, "a page", `return window.left = true`)
	p.keys(kb.Enter)
	p.arrive("the form")
}

// helpers are what finds things on a page, as people call them.
const helpers = `
const words = (el) => (el.getAttribute('aria-label') || el.innerText || '').replace(/\s+/g, ' ').trim();
const seen = (el) => { const r = el.getBoundingClientRect(); return r.width > 0 && r.height > 0 && getComputedStyle(el).visibility !== 'hidden'; };
const named = (text) => [...document.querySelectorAll('a, button, summary, label.check, input[type=checkbox]')].filter(seen).find((el) => words(el) === text);
const field = (text) => { const l = [...document.querySelectorAll('label')].find((l) => words(l).replace(/ \(optional\)$/, '') === text); return l && (l.control || l.querySelector('input')); };
const leads = (el) => !!el && (el.matches('a[href]') || el.matches('button:not([type=button])')) && (window.left = true);
const place = (el) => { if (!el) return null; el.scrollIntoView({block: 'center'}); const r = el.getClientRects()[0]; return [r.x + r.width / 2, r.y + r.height / 2]; };
`

func evaluate[T any](p *tab, script string) (T, error) {
	return chromedp.Run(p.ctx, chromedp.Evaluate[T](`(() => {`+helpers+script+`})()`))
}

// until asks script until it says something else than null, and fails when that
// takes too long. Pages come and go meanwhile.
func until[T any](p *tab, what, script string) T {
	p.t.Helper()
	var last error
	for end := time.Now().Add(sightFor); time.Now().Before(end) && p.ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		got, err := evaluate[*T](p, script)
		if err == nil && got != nil {
			return *got
		}
		last = err
	}
	p.t.Fatalf("%s: not on the page (%v):\n%s", what, last, p.text())
	panic("unreachable")
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// text is all that can be read.
func (p *tab) text() string {
	text, err := evaluate[string](p, `return location.pathname + location.search + '\n' + document.body.innerText`)
	if err != nil {
		return err.Error()
	}
	return text
}

// see waits until the page says all of words.
func (p *tab) see(words ...string) {
	p.t.Helper()
	for _, word := range words {
		until[bool](p, fmt.Sprintf("%q", word), `return document.readyState === 'complete' && (location.pathname + '\n' + document.body.innerText).replace(/\s+/g, ' ').includes(`+quote(word)+`) ? true : null`)
	}
}

// notSee checks that the page that is there does not say any of words.
func (p *tab) notSee(words ...string) {
	p.t.Helper()
	text := strings.Join(strings.Fields(p.text()), " ")
	for _, word := range words {
		if strings.Contains(text, word) {
			p.t.Errorf("%q is on the page:\n%s", word, p.text())
		}
	}
}

// click clicks on what is called text, and waits for the next page where that
// leads to one.
func (p *tab) click(text string) {
	p.t.Helper()
	leads := until[bool](p, "something to click called "+text, `const el = named(`+quote(text)+`); return el ? leads(el) : null`)
	p.clickAt(until[[]float64](p, text, `return place(named(`+quote(text)+`))`))
	if leads {
		p.arrive(text)
	}
}

// arrive waits for the page that comes after the one that leads has marked.
func (p *tab) arrive(by string) {
	p.t.Helper()
	until[bool](p, "the page behind "+by, `return !window.left && document.readyState === 'complete' ? true : null`)
}

func (p *tab) clickAt(at []float64) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.MouseClickXY(at[0], at[1])); err != nil {
		p.t.Fatal(err)
	}
}

// fill types text into the field called label, in place of what is there.
func (p *tab) fill(label, text string) {
	p.t.Helper()
	p.clickAt(until[[]float64](p, "a field called "+label, `return place(field(`+quote(label)+`))`))
	until[bool](p, "focus on "+label, `const f = field(`+quote(label)+`); if (document.activeElement !== f) return null; f.select(); return true`)
	if text == "" {
		text = "\b"
	}
	if err := chromedp.Do(p.ctx, chromedp.KeyEvent(text)); err != nil {
		p.t.Fatal(err)
	}
}

// choose picks what begins with text in the list called label.
func (p *tab) choose(label, text string) {
	p.t.Helper()
	until[bool](p, text+" in a list called "+label, `const f = field(`+quote(label)+`); const o = f && [...f.options].find((o) => o.text.startsWith(`+quote(text)+`)); if (!o) return null; f.value = o.value; return true`)
}

// value is what stands in the field called label.
func (p *tab) value(label string) string {
	p.t.Helper()
	return until[string](p, "a field called "+label, `const f = field(`+quote(label)+`); return f ? f.value : null`)
}

// read is the text of what a selector finds.
func (p *tab) read(selector string) string {
	p.t.Helper()
	return until[string](p, selector, `const el = document.querySelector(`+quote(selector)+`); return el ? el.innerText : null`)
}

func (p *tab) keys(keys string) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.KeyEvent(keys)); err != nil {
		p.t.Fatal(err)
	}
}

// signIn signs in on the sign-in page of a site.
func (p *tab) signIn(path, name, password string) {
	p.t.Helper()
	p.visit(path)
	p.fill("User name", name)
	p.fill("Password", password)
	p.click("Sign in")
}

//go:embed testdata/axe-core/axe.min.js
var axe string

// A finding is one of axe-core's.
type finding struct {
	ID, Impact, Help string
	Nodes            []struct{ HTML, FailureSummary string }
}

// accessible lets axe-core look at the page.
func (p *tab) accessible(what string) {
	p.t.Helper()
	if there, err := evaluate[bool](p, `return typeof axe !== 'undefined'`); err != nil || !there { // half a megabyte goes to a page once
		if err := chromedp.Do(p.ctx, chromedp.Evaluate[chromedp.Void](axe+"; undefined")); err != nil {
			p.t.Fatalf("%s: axe-core: %v", what, err)
		}
	}
	found, err := chromedp.Run(p.ctx, chromedp.Evaluate[[]finding](`axe.run(document, {
		runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'],
	}).then((r) => r.violations.map((v) => ({ID: v.id, Impact: v.impact, Help: v.help, Nodes: v.nodes.map((n) => ({HTML: n.html, FailureSummary: n.failureSummary}))})))`, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: axe-core: %v", what, err)
	}
	for _, f := range found {
		if f.Impact == "serious" || f.Impact == "critical" {
			p.t.Errorf("%s: %s (%s): %s: %.1500v", what, f.ID, f.Impact, f.Help, f.Nodes)
		} else {
			p.t.Logf("%s: %s (%s): %s: %.300v", what, f.ID, f.Impact, f.Help, f.Nodes)
		}
	}
}

// scheme is the colours that a person likes, who wants nothing to move.
func (p *tab) scheme(name string) {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}}}); err != nil {
		p.t.Fatal(err)
	}
}

// picture writes what the page looks like to a file of that name, in the folder
// that a variable of the environment names.
func (p *tab) picture(variable, name string, whole bool) {
	p.t.Helper()
	folder := os.Getenv(variable)
	if folder == "" {
		return
	}
	action := chromedp.CaptureScreenshot()
	if whole {
		action = chromedp.FullScreenshot(100)
	}
	shot, err := chromedp.Run(p.ctx, action)
	if err == nil {
		err = os.MkdirAll(folder, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name+".png"), shot, 0o644)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *tab) resize(win window) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.EmulateViewport(win.width, win.height)); err != nil {
		p.t.Fatal(err)
	}
}
