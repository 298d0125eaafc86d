package report

import (
	_ "embed" // the page's frame
	"fmt"
	"html/template"
	"io"
	"math"

	"muonclip/internal/metrics"
)

//go:embed document.html.tmpl
var documentTemplate string

// Chart is a line chart for pages of other packages.
type Chart struct {
	Title  string    // for screen readers
	X, Y   string    // what the axes show; an empty X means steps
	Log    bool      // of Y, wanted where all values are positive and span a factor of ten
	Zero   bool      // Y begins at zero, unless it is logarithmic
	XTicks []float64 // where given, X is logarithmic and these values are marked on it
	Lines  []Line
	Levels []Level
}

// Line is one line of a chart. X must not fall. Low and High are the ends of an interval around Y, drawn as a band; nil for
// none. Colours repeat after eight.
type Line struct {
	Name      string
	X, Y      []float64
	Low, High []float64
	Colour    int
	Dots      bool
	Dashed    bool // as of what was expected, beside what was measured
}

// Level is a labelled horizontal line.
type Level struct {
	Y     float64
	Label string
}

// SVG draws the chart, with its own style where it stands alone. It is nil where there is no finite value.
func (c Chart) SVG(standalone bool) []byte {
	ch := lineChart{title: c.Title, xName: c.X, yLabel: c.Y, log: c.Log, zero: c.Zero, xTicks: c.XTicks}
	for _, l := range c.Lines {
		s := series{name: l.Name, colour: l.Colour % len(lineColours), x: l.X, y: l.Y, low: l.Low, high: l.High}
		switch {
		case l.Dots:
			s.class = "dots"
		case l.Dashed:
			s.class = "dash"
		}
		ch.series = append(ch.series, s)
	}
	for _, l := range c.Levels {
		if !math.IsNaN(finite(l.Y)) {
			ch.levels = append(ch.levels, level{y: l.Y, label: l.Label})
		}
	}
	return ch.svg(standalone)
}

// LogitMap is MaxLogitMapSVG for a page that has the style.
func LogitMap(rows []metrics.Row, events []metrics.Event, tau float64) []byte {
	in := withEvents(rows, events)
	return logitMap(in.c, tau, in.clipCells).svg(false)
}

// Document is a page of its own with the style and the script of the reports: one file that needs nothing else.
type Document struct {
	Title   string // of the window and the page
	Sub     string // below the title
	Verdict string // in a box; empty for none
	Good    bool   // colours of the box
	Bad     bool
	Body    template.HTML // sections, with every text escaped
	Footer  string
}

// Write writes the page.
func (d Document) Write(w io.Writer) error {
	t, err := template.New("document").Parse(documentTemplate)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	css, js := fullCSS(), pageJS
	class := ""
	switch {
	case d.Good:
		class = "good"
	case d.Bad:
		class = "bad"
	}
	return t.Execute(w, struct {
		Document
		VerdictClass          string
		Style                 template.CSS
		Script                template.JS
		StyleHash, ScriptHash string
	}{d, class, template.CSS(css), template.JS(js), hash(css), hash(js)})
}
