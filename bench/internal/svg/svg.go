// Package svg draws charts that can be read on light and on dark paper.
package svg

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A Chart has lines over two axes.
type Chart struct {
	Title, X, Y string
	LogX, LogY  bool
	// Ticks names places on the X axis. Empty: powers of ten.
	Ticks map[float64]string
	Lines []Line
}

// A Line is drawn through its points. Each may have a range.
type Line struct {
	Name   string
	Points []Point
}

// A Point has its place, and how far the figure went down and up.
type Point struct{ X, Y, Low, High float64 }

// Bars compare figures by name.
type Bars struct {
	Title, Unit string
	Bars        []Bar
}

// A Bar is one figure; Own ones stand out.
type Bar struct {
	Name  string
	Value float64
	Own   bool
}

const (
	width, height            = 760, 400
	left, right, top, bottom = 76, 24, 48, 96
	// style follows the reader's choice of light or dark.
	style = `<style>
text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-size:15px;font-weight:600}.axis{stroke:#57606a}.grid{stroke:#d0d7de}
.c0{--c:#0969da}.c1{--c:#bc4c00}.c2{--c:#1a7f37}.c3{--c:#8250df}.c4{--c:#bf3989}.c5{--c:#57606a}
.line{fill:none;stroke:var(--c);stroke-width:2}.dot{fill:var(--c)}.range{stroke:var(--c);stroke-opacity:.45;stroke-width:1.5}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.axis{stroke:#8d96a0}.grid{stroke:#30363d}
.c0{--c:#58a6ff}.c1{--c:#f0883e}.c2{--c:#3fb950}.c3{--c:#bc8cff}.c4{--c:#ff7bac}.c5{--c:#8d96a0}}
</style>
`
)

func begin(b *strings.Builder, title string, height int) {
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">`+"\n", width, height, html.EscapeString(title))
	b.WriteString(style)
	text(b, left, 24, "title", "start", title)
}

func text(b *strings.Builder, x, y float64, class, anchor, s string) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, html.EscapeString(s))
}

func line(b *strings.Builder, class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(b, `<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`+"\n", class, x1, y1, x2, y2)
}

// An axis maps figures to places.
type axis struct {
	low, high float64
	log       bool
	from, to  float64
}

func (a axis) at(v float64) float64 {
	low, high := a.low, a.high
	if a.log {
		v, low, high = math.Log10(max(v, a.low)), math.Log10(low), math.Log10(high)
	}
	return a.from + (v-low)/(high-low)*(a.to-a.from)
}

// marks are the figures that get a grid line.
func (a axis) marks() []float64 {
	var all []float64
	if a.log {
		for v := math.Pow(10, math.Floor(math.Log10(a.low))); v <= a.high*1.001; v *= 10 {
			if v >= a.low*0.999 {
				all = append(all, v)
			}
		}
		return all
	}
	step := math.Pow(10, math.Floor(math.Log10(a.high-a.low)))
	for (a.high-a.low)/step < 4 {
		step /= 2
	}
	for v := math.Ceil(a.low/step) * step; v <= a.high*1.0001; v += step {
		all = append(all, v)
	}
	return all
}

// SVG is the drawing.
func (c Chart) SVG() string {
	var b strings.Builder
	begin(&b, c.Title, height)
	x, y := c.axes()
	for _, v := range y.marks() {
		line(&b, "grid", x.from, y.at(v), x.to, y.at(v))
		text(&b, left-8, y.at(v)+4, "", "end", number(v))
	}
	if c.Ticks == nil {
		c.Ticks = map[float64]string{}
		for _, v := range x.marks() {
			c.Ticks[v] = number(v)
		}
	}
	for v, name := range sorted(c.Ticks) {
		line(&b, "axis", x.at(v), y.from, x.at(v), y.from+5)
		text(&b, x.at(v), y.from+20, "", "middle", name)
	}
	line(&b, "axis", x.from, y.from, x.to, y.from)
	text(&b, (x.from+x.to)/2, y.from+40, "", "middle", c.X)
	text(&b, left, 42, "", "start", c.Y)
	place := float64(left)
	for i, l := range c.Lines {
		l.draw(&b, i%6, x, y)
		fmt.Fprintf(&b, `<circle class="dot c%d" cx="%.1f" cy="%d" r="5"/>`+"\n", i%6, place, height-22)
		text(&b, place+10, height-17, "", "start", l.Name)
		place += 30 + 7*float64(len(l.Name))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func (l Line) draw(b *strings.Builder, colour int, x, y axis) {
	var path []string
	for _, p := range l.Points {
		px, py := x.at(p.X), y.at(p.Y)
		path = append(path, fmt.Sprintf("%.1f,%.1f", px, py))
		if p.High > p.Low {
			line(b, fmt.Sprintf("range c%d", colour), px, y.at(p.Low), px, y.at(p.High))
		}
		fmt.Fprintf(b, `<circle class="dot c%d" cx="%.1f" cy="%.1f" r="3.5"/>`+"\n", colour, px, py)
	}
	fmt.Fprintf(b, `<polyline class="line c%d" points="%s"/>`+"\n", colour, strings.Join(path, " "))
}

// axes have room for all points and their ranges.
func (c Chart) axes() (x, y axis) {
	x = axis{math.Inf(1), math.Inf(-1), c.LogX, left + 10, width - right}
	y = axis{math.Inf(1), math.Inf(-1), c.LogY, height - bottom, top + 10}
	for _, l := range c.Lines {
		for _, p := range l.Points {
			x.low, x.high = min(x.low, p.X), max(x.high, p.X)
			y.low, y.high = min(y.low, p.Y), max(y.high, p.Y)
			if p.High > p.Low {
				y.low, y.high = min(y.low, p.Low), max(y.high, p.High)
			}
		}
	}
	if c.LogY {
		y.low, y.high = math.Pow(10, math.Floor(math.Log10(y.low))), math.Pow(10, math.Ceil(math.Log10(y.high)))
	} else {
		y.low, y.high = 0, y.high*1.05
	}
	if x.low == x.high {
		x.low, x.high = x.low*0.9, x.high*1.1
	}
	return x, y
}

// SVG is the drawing.
func (c Bars) SVG() string {
	const row, name = 28, 270
	var b strings.Builder
	tall := top + row*len(c.Bars) + 16
	begin(&b, c.Title, tall)
	most := 0.0
	for _, bar := range c.Bars {
		most = max(most, bar.Value)
	}
	for i, bar := range c.Bars {
		class, y := "dot c5", float64(top+row*i)
		if bar.Own {
			class = "dot c0"
		}
		long := bar.Value / most * (width - name - 110)
		text(&b, name-8, y+15, "", "end", bar.Name)
		fmt.Fprintf(&b, `<rect class="%s" x="%d" y="%.1f" width="%.1f" height="%d" rx="2"/>`+"\n", class, name, y, max(1, long), row-8)
		text(&b, name+long+8, y+15, "", "start", number(math.Round(bar.Value))+" "+c.Unit)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// number writes v with thousands kept apart.
func number(v float64) string {
	s := strconv.FormatFloat(v, 'f', -1, 64)
	if v < 1000 {
		return s
	}
	whole, rest, _ := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		whole += "." + rest
	}
	return whole
}

func sorted(m map[float64]string) func(func(float64, string) bool) {
	return func(yield func(float64, string) bool) {
		var keys []float64
		for k := range m {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}
