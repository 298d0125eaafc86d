package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// series is one line of a chart.
type series struct {
	name   string
	colour int    // index into lineColours
	class  string // "" for a plain line, "raw" for a faint one, "dash" for a dashed one, "dots" for dots joined by a line
	x, y   []float64

	low, high []float64 // ends of an interval around y, drawn as a band; nil for none
}

// level is a labelled horizontal line.
type level struct {
	y     float64
	label string
	left  bool // label at the left end, where it would meet the data at the right
	below bool // label below the line
}

// lineChart describes a chart of lines over steps, or over what xName says.
type lineChart struct {
	title  string
	xName  string // "" means step
	yLabel string
	series []series
	levels []level
	log    bool // wanted where all values are positive and span a factor of ten
	zero   bool // the axis begins at zero

	xTicks []float64 // makes the x axis logarithmic, with these values marked; nil for an even axis

	rug     []float64 // steps marked at the lower edge, as of clip events
	rugName string

	right      func(float64) float64 // second axis: a factor of the first, labelled right
	rightLabel string
}

const plotHeight = 190.0

// svg draws the chart, or gives nil where there is no finite value.
func (c lineChart) svg(standalone bool) []byte {
	x, y, ok := c.ranges()
	if !ok {
		return nil
	}
	keys := c.keys()
	top := rowHeight + 4
	if len(keys) > 0 {
		top = keys[len(keys)-1].y + 9
	}
	right := 12.0
	if c.right != nil {
		right = 46
	}
	x.p, x.q = leftMargin, drawWidth-right
	y.p, y.q = top+plotHeight, top
	var d drawing
	attrs := fmt.Sprintf(` class="chart" data-x="%s" data-y="%s"`, axisData(x), axisData(y))
	if c.xName != "" {
		attrs += fmt.Sprintf(` data-unit="%s"`, esc(c.xName))
	}
	d.begin(y.p+40, c.title, attrs, standalone)
	d.text(2, 13, "start", "ax", c.yLabel)
	if c.right != nil {
		d.text(drawWidth-2, 13, "end", "ax", c.rightLabel)
	}
	c.axes(&d, x, y)
	for _, k := range keys {
		d.addf(`<path class="key %s s%d" d="M%s %sh14"/>`, k.class, k.colour, num(k.x), num(k.y-4))
		d.text(k.x+18, k.y, "start", "", k.name)
	}
	c.bands(&d, x, y)
	c.lines(&d, x, y)
	return d.end()
}

// ranges gives the two axes without their positions.
func (c lineChart) ranges() (x, y scale, ok bool) {
	x = scale{lo: math.Inf(1), hi: math.Inf(-1)}
	lo, hi, positive := math.Inf(1), math.Inf(-1), math.Inf(1)
	for _, s := range c.series {
		l, h, some := extent(s.y)
		if !some {
			continue
		}
		ok = true
		lo, hi = min(lo, l), max(hi, h)
		for _, v := range s.y {
			if v > 0 {
				positive = min(positive, v)
			}
		}
		for _, end := range [][]float64{s.low, s.high} {
			if l, h, some := extent(end); some {
				lo, hi = min(lo, l), max(hi, h)
			}
		}
		l, h, _ = extent(s.x)
		x.lo, x.hi = min(x.lo, l), max(x.hi, h)
	}
	for _, l := range c.levels {
		lo, hi = min(lo, l.y), max(hi, l.y)
		if l.y > 0 {
			positive = min(positive, l.y)
		}
	}
	if !ok {
		return x, y, false
	}
	switch {
	case len(c.xTicks) > 0 && x.lo > 0:
		x.log = true
		x.lo, x.hi = niceRange(x.lo, x.hi, true)
	case x.lo > 0 && x.lo <= 0.05*x.hi:
		x.lo = 0 // a run that begins at step 1
	case x.hi <= x.lo:
		x.lo, x.hi = x.lo-1, x.hi+1
	}
	// Zeros, such as the update of a layer that rests, are left out of a logarithmic axis.
	y.log = c.log && lo >= 0 && positive < math.Inf(1) && hi >= 10*positive
	if y.log {
		lo = max(positive, hi*1e-8)
	}
	if c.zero && !y.log {
		lo = min(lo, 0)
	}
	y.lo, y.hi = niceRange(lo, hi, y.log)
	return x, y, true
}

func axisData(s scale) string {
	log := 0
	if s.log {
		log = 1
	}
	return fmt.Sprintf("%.8g,%.8g,%s,%s,%d", s.lo, s.hi, num(s.p), num(s.q), log)
}

// axes draws grid, ticks and the frame's lower edge.
func (c lineChart) axes(d *drawing, x, y scale) {
	yt := y.ticks(6)
	grid := ""
	for i, label := range tickTexts(yt, y.log) {
		at := y.at(yt[i])
		grid += fmt.Sprintf("M%s %sH%s", num(x.p), num(at), num(x.q))
		d.text(x.p-5, at+4, "end", "", label)
	}
	d.addf(`<path class="grid" d="%s"/>`, grid)
	if c.right != nil {
		rs := scale{lo: c.right(y.lo), hi: c.right(y.hi), p: y.p, q: y.q}
		rt := rs.ticks(6)
		for i, label := range tickTexts(rt, false) {
			d.text(x.q+5, rs.at(rt[i])+4, "start", "", label)
		}
	}
	name := cmp.Or(c.xName, "step")
	if !x.log {
		countAxis(d, x, y.p, name)
		return
	}
	labels := make([]string, len(c.xTicks))
	for i, v := range c.xTicks {
		labels[i] = strconv.FormatFloat(v, 'f', -1, 64)
	}
	lowerAxis(d, x, y.p, name, c.xTicks, labels)
}

// countAxis draws an axis of whole numbers, such as steps, with its lower edge at y.
func countAxis(d *drawing, x scale, y float64, name string) {
	xt := slices.DeleteFunc(x.ticks(6), func(v float64) bool { return v != math.Trunc(v) || v < 0 }) // there is no half step
	lowerAxis(d, x, y, name, xt, tickTexts(xt, false))
}

// lowerAxis draws an axis with its edge at y and labelled ticks.
func lowerAxis(d *drawing, x scale, y float64, name string, xt []float64, labels []string) {
	d.line(x.p, y, x.q, y, "edge")
	for i, label := range labels {
		at := x.at(xt[i])
		d.line(at, y, at, y+4, "edge")
		anchor := "middle"
		if at > x.q-14 {
			anchor, at = "end", x.q+6
		}
		d.text(at, y+17, anchor, "", label)
	}
	d.text((x.p+x.q)/2, y+34, "middle", "ax", name)
}

// key is one entry of the legend.
type key struct {
	x, y   float64
	name   string
	class  string
	colour int
}

// keys lays out the legend below the label of the y axis; a single line needs none.
func (c lineChart) keys() []key {
	var keys []key
	x, y := leftMargin, 2*rowHeight-4
	put := func(name, class string, colour int) {
		w := 18 + charWidth*float64(utf8.RuneCountInString(name)) + 12
		if x+w > drawWidth+12 && x > leftMargin {
			x, y = leftMargin, y+rowHeight
		}
		keys = append(keys, key{x, y, name, class, colour})
		x += w
	}
	if len(c.series) > 1 || len(c.rug) > 0 {
		for _, s := range c.series {
			if _, _, some := extent(s.y); some {
				put(s.name, s.class, s.colour)
			}
		}
	}
	if len(c.rug) > 0 {
		put(c.rugName, "rug", 1)
	}
	return keys
}

// bands draws the intervals around lines. That of a single point is a line.
func (c lineChart) bands(d *drawing, x, y scale) {
	const bins = 52
	for _, s := range c.series {
		if s.low == nil {
			continue
		}
		outline := downsample(s.x, s.high, bins)
		lower := downsample(s.x, s.low, bins)
		slices.Reverse(lower)
		outline = slices.DeleteFunc(append(outline, lower...), func(p point) bool { return math.IsNaN(p.y) })
		class := "band"
		if len(outline) == 2 {
			class = "span"
		}
		d.addf(`<path class="%s s%d" d="%sz"/>`, class, s.colour, pathData(outline, x, y))
	}
}

// lines draws the data, the levels over it, and the rug.
func (c lineChart) lines(d *drawing, x, y scale) {
	bins := 208
	if len(c.series) > 4 {
		bins = 104
	}
	for _, s := range c.series {
		if s.class == "dots" {
			points := downsample(s.x, s.y, bins/4)
			d.addf(`<path class="ln s%d" data-n="%s" d="%s"/>`, s.colour, esc(s.name), pathData(points, x, y))
			d.addf(`<path class="dots s%d" d="%s"/>`, s.colour, dotData(points, x, y))
			continue
		}
		n := bins
		if s.class == "" && len(c.series) > 1 {
			n = bins / 2
		}
		d.addf(`<path class="ln %s s%d" data-n="%s" d="%s"/>`, s.class, s.colour, esc(s.name), pathData(downsample(s.x, s.y, n), x, y))
	}
	for _, l := range c.levels {
		at := y.at(l.y)
		d.line(x.p, at, x.q, at, "level")
		label := at - 5
		if l.below || at < y.q+16 {
			label = at + 15
		}
		if l.left {
			d.text(x.p+5, label, "start", "lv", l.label)
		} else {
			d.text(x.q-4, label, "end", "lv", l.label)
		}
	}
	if len(c.rug) > 0 {
		marks, last := "", math.NaN()
		for _, s := range c.rug {
			if at := tenths(x.at(s)); !(math.Abs(at-last) < 8) { // closer ones would merge anyway
				marks += fmt.Sprintf("M%s %sv-7", num(at/10), num(y.p))
				last = at
			}
		}
		d.addf(`<path class="rug s1" d="%s"/>`, marks)
	}
}
