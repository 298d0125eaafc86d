package report

import (
	"fmt"
	"html"
	"math"
	"strconv"
)

// Drawings are 480 user units wide and shown at 350 to 600 pixels: about 1.2 pixels a unit on a wide screen with two columns
// and 0.75 on a phone. Text is 11.5 units, which the page makes 14.5 on a phone and on paper; margins have room for that.
const (
	drawWidth  = 480.0
	leftMargin = 50.0
	rowHeight  = 19.0 // of a line of text
	charWidth  = 8.6  // estimate for laying out keys, at the larger size
)

// drawing is an SVG being written.
type drawing struct{ b []byte }

func (d *drawing) addf(format string, args ...any) { d.b = fmt.Appendf(d.b, format, args...) }

// begin opens the drawing; title is its text for screen readers. A standalone drawing has its own style, for use as a
// picture in a document; the others take the page's.
func (d *drawing) begin(height float64, title, attrs string, standalone bool) {
	d.addf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" role="img"%s><title>%s</title>`, num(drawWidth), num(height), attrs, esc(title))
	if standalone {
		d.addf("<style>%s</style>", standaloneCSS())
	}
}

func (d *drawing) end() []byte { return append(d.b, "</svg>"...) }

// text writes a label; anchor is start, middle or end.
func (d *drawing) text(x, y float64, anchor, class, s string) {
	if class != "" {
		class = ` class="` + class + `"`
	}
	if anchor != "start" {
		class += ` text-anchor="` + anchor + `"`
	}
	d.addf(`<text x="%s" y="%s"%s>%s</text>`, num(x), num(y), class, esc(s))
}

func (d *drawing) line(x1, y1, x2, y2 float64, class string) {
	d.addf(`<path class="%s" d="M%s %sL%s %s"/>`, class, num(x1), num(y1), num(x2), num(y2))
}

// num writes a coordinate to a tenth of a unit.
func num(v float64) string { return strconv.FormatFloat(tenths(v)/10, 'f', -1, 64) }

func tenths(v float64) float64 {
	if t := math.Round(v * 10); t != 0 {
		return t
	}
	return 0 // not minus zero
}

// esc makes text from a file safe inside an SVG element or attribute.
func esc(s string) string { return html.EscapeString(visible(s)) }

// pathData writes a line through points as relative moves, the shortest form; positions are rounded before they are
// subtracted, so that errors do not add up. A NaN breaks the line; a point with no neighbour becomes a dot.
func pathData(points []point, x, y scale) string {
	var b []byte
	var px, py float64 // last position in tenths
	pen, moved := false, false
	dot := func() {
		if pen && !moved {
			b = append(b, "h0"...)
		}
	}
	for _, p := range points {
		if math.IsNaN(p.y) || (y.log && p.y <= 0) {
			dot()
			pen = false
			continue
		}
		tx, ty := tenths(x.at(p.x)), tenths(y.at(p.y))
		if !pen {
			b = append(b, 'M')
			b = appendTenths(b, tx, false)
			b = appendTenths(b, ty, true)
			pen, moved = true, false
		} else {
			if !moved {
				b = append(b, 'l')
			}
			b = appendTenths(b, tx-px, moved)
			b = appendTenths(b, ty-py, true)
			moved = true
		}
		px, py = tx, ty
	}
	dot()
	return string(b)
}

// dotData writes a dot for each point, for a path with round caps.
func dotData(points []point, x, y scale) string {
	var b []byte
	for _, p := range points {
		if math.IsNaN(p.y) || (y.log && p.y <= 0) {
			continue
		}
		b = append(b, 'M')
		b = appendTenths(b, tenths(x.at(p.x)), false)
		b = appendTenths(b, tenths(y.at(p.y)), true)
		b = append(b, "h0"...)
	}
	return string(b)
}

// appendTenths writes a coordinate; a separator is only needed before a number without a sign.
func appendTenths(b []byte, t float64, sep bool) []byte {
	if sep && t >= 0 {
		b = append(b, ' ')
	}
	return strconv.AppendFloat(b, t/10, 'f', -1, 64)
}
