package report

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// heatMap describes a picture of a table: rows in groups from top to bottom, columns from left to right.
type heatMap struct {
	title   string
	group   string // what a group of rows is, as in "layer"
	row     string // what a row of a group is, as in "head"; "" where groups have one row
	groups  int
	rows    int         // rows of each group
	perRow  int         // items that share a row; 0 means 1
	values  [][]float64 // [column][row]; NaN or missing: no value
	first   int         // number of the first group
	unit    string      // label of the colour scale
	colours palette
	lo, hi  float64 // range of the colour scale
	log     bool
	mark    level // value marked in the colour scale; no label for none

	time   *binned // columns are times; else they are numbered items, named by column
	column string

	dots    [][2]int // column and row of marked cells
	dotName string
}

func (h heatMap) svg(standalone bool) []byte {
	n := h.groups * h.rows
	if n == 0 || len(h.values) == 0 {
		return nil
	}
	cell := min(max(210/float64(n), 2.6), 22) // height of a row
	gap := 0.0
	if h.rows > 1 {
		gap = min(3, cell)
	}
	top := 3*rowHeight + 5
	if len(h.dots) > 0 {
		top += rowHeight + 2
	}
	rowTop := func(r int) float64 { return top + float64(r)*cell + float64(r/h.rows)*gap }
	bottom := rowTop(n-1) + cell + 2
	x := scale{lo: 0, hi: float64(len(h.values)), p: leftMargin, q: drawWidth - 12}
	if h.time != nil {
		x.lo, x.hi = float64(h.time.start), float64(h.time.end())
	}
	width := (x.q - x.p) / float64(len(h.values))
	v := scale{lo: h.lo, hi: h.hi, p: 0, q: 1, log: h.log}

	var d drawing
	d.begin(bottom+40, h.title, h.data(x, v, top, cell, gap), standalone)
	h.legend(&d, v)
	h.labels(&d, rowTop, cell)
	h.cells(&d, rowTop, cell, x.p, width, v)
	if h.time != nil {
		countAxis(&d, x, bottom, "step")
	} else {
		h.items(&d, x, bottom, width)
	}
	if len(h.dots) > 0 {
		marks := ""
		for _, dot := range h.dots {
			marks += fmt.Sprintf("M%s %sh0", num(x.p+(float64(dot[0])+0.5)*width), num(rowTop(dot[1])+cell/2))
		}
		size := min(max(cell*0.7, 3), 4.5)
		d.addf(`<path class="ring" stroke-width="%s" d="%s"/><path class="clip" stroke-width="%s" d="%s"/>`, num(size+1.4), marks, num(size), marks)
	}
	return d.end()
}

// legend draws the colour scale with its label, and the key of the dots.
func (h heatMap) legend(d *drawing, v scale) {
	const x, y, w, height = leftMargin, rowHeight + 3, 200.0, 9.0
	d.text(2, 13, "start", "ax", h.unit)
	for i := range levels {
		// Each step is a stroke as tall as the bar, a little wider than its share against hairlines.
		d.addf(`<path class="%s%d" stroke-width="%s" d="M%s %sh%s"/>`, h.colours.name, i, num(height), num(x+w*float64(i)/levels), num(y+height/2), num(w/levels+0.3))
	}
	bar := scale{lo: v.lo, hi: v.hi, p: x, q: x + w, log: v.log}
	ticks := bar.ticks(3)
	texts := tickTexts(ticks, v.log)
	last := math.Inf(-1)
	for i, t := range ticks {
		at := bar.at(t)
		if at-last < 28 {
			continue
		}
		last = at
		d.line(at, y+height, at, y+height+3, "edge")
		d.text(at, y+height+15, "middle", "", texts[i])
	}
	if h.mark.label != "" {
		at := bar.at(h.mark.y)
		d.line(at, y-3, at, y+height+3, "level")
		d.text(x+w+16, y+height, "start", "lv", h.mark.label)
	}
	if len(h.dots) > 0 {
		d.addf(`<path class="ring" stroke-width="5.9" d="M%s %sh0"/><path class="clip" stroke-width="4.5" d="M%s %sh0"/>`, num(x+5), num(4*rowHeight-7), num(x+5), num(4*rowHeight-7))
		d.text(x+14, 4*rowHeight-3, "start", "", h.dotName)
	}
}

// labels names the groups of rows, all of them where there is room.
func (h heatMap) labels(d *drawing, rowTop func(int) float64, cell float64) {
	height := rowTop(h.rows) - rowTop(0)
	if h.groups == 1 {
		height = cell * float64(h.rows)
	}
	every := int(math.Ceil(15 / height))
	for g := 0; g < h.groups; g += every {
		mid := (rowTop(g*h.rows) + rowTop(g*h.rows+h.rows-1) + cell) / 2
		d.text(leftMargin-5, mid+4, "end", "", strings.ToUpper(h.group[:1])+strconv.Itoa(g+h.first))
	}
}

// items numbers the columns that are not times.
func (h heatMap) items(d *drawing, x scale, y, width float64) {
	every := max(1, int(math.Ceil(26/width)))
	for i := 0; i < len(h.values); i += every {
		d.text(x.p+(float64(i)+0.5)*width, y+15, "middle", "", strconv.Itoa(i))
	}
	d.text((x.p+x.q)/2, y+33, "middle", "ax", h.column)
}

// cells draws the table as strokes, one path for each colour and one stroke for each run of equal colour in a row:
// a tenth of the bytes of one rectangle for each cell.
func (h heatMap) cells(d *drawing, rowTop func(int) float64, cell, left, width float64, v scale) {
	var paths [levels]drawing
	for r := range h.groups * h.rows {
		y := num(rowTop(r) + cell/2)
		for c := 0; c < len(h.values); {
			lv, end := h.level(c, r, v), c+1
			for end < len(h.values) && h.level(end, r, v) == lv {
				end++
			}
			if lv >= 0 {
				x, q := tenths(left+float64(c)*width), tenths(left+float64(end)*width)
				paths[lv].addf("M%s %sh%s", num(x/10), y, num((q-x)/10))
			}
			c = end
		}
	}
	d.addf(`<g class="cells" stroke-width="%s">`, num(cell+0.15))
	for i := range paths {
		if len(paths[i].b) > 0 {
			d.addf(`<path class="%s%d" d="%s"/>`, h.colours.name, i, paths[i].b)
		}
	}
	d.addf("</g>")
}

func (h heatMap) value(c, r int) float64 {
	if c >= len(h.values) || r >= len(h.values[c]) {
		return math.NaN()
	}
	return h.values[c][r]
}

// level is the colour step of a cell, -1 for no value. Infinity is the last step.
func (h heatMap) level(c, r int, v scale) int {
	f := h.value(c, r)
	if math.IsNaN(f) {
		return -1
	}
	return h.colours.level(v.at(f))
}

// data gives what the page's script needs to name the cell under the pointer: the geometry, and each value in one
// byte on the colour scale.
func (h heatMap) data(x, v scale, top, cell, gap float64) string {
	bytes := make([]byte, 0, len(h.values)*h.groups*h.rows)
	for r := range h.groups * h.rows {
		for c := range h.values {
			q := byte(255)
			if f := h.value(c, r); !math.IsNaN(f) {
				q = byte(math.Round(254 * v.at(f)))
			}
			bytes = append(bytes, q)
		}
	}
	column := "step"
	if h.time == nil {
		column = h.column
	}
	return fmt.Sprintf(` class="map" data-x="%s" data-v="%s" data-geo="%s,%.4f,%.4f,%d,%d,%d,%d,%d" data-names="%s,%s,%s" data-cells="%s"`,
		axisData(x), axisData(v), num(top), cell, gap, h.groups, h.rows, len(h.values), max(h.perRow, 1), h.first, esc(h.group), esc(h.row), esc(column),
		base64.StdEncoding.EncodeToString(bytes))
}
