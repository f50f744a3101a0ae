package svg

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

func wellFormed(t *testing.T, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
	}
}

func TestChart(t *testing.T) {
	text := Chart{Title: `A < B & "C"`, LogX: true, LogY: true, Lines: []Line{
		{"one", []Point{{1000, 3, 2, 4}, {1e6, 40, 0, 0}}},
		{"two", []Point{{1000, 7, 0, 0}}},
	}}.SVG()
	wellFormed(t, text)
	for _, want := range []string{"prefers-color-scheme:dark", "100,000", ">one<", ">two<", "A &lt; B"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
		t.Error("places that are none in\n", text)
	}
}

func TestChartOfOnePoint(t *testing.T) {
	text := Chart{Lines: []Line{{"one", []Point{{5, 3, 0, 0}}}}}.SVG()
	if wellFormed(t, text); strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
		t.Error("places that are none in\n", text)
	}
}

func TestBars(t *testing.T) {
	text := Bars{Title: "memory", Unit: "bytes", Bars: []Bar{{"ours", 1234, true}, {"theirs", 0, false}}}.SVG()
	if wellFormed(t, text); !strings.Contains(text, "1,234 bytes") {
		t.Error(text)
	}
}
