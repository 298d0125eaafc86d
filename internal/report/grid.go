package report

import "bytes"

// gridHeight is room for a chart with a legend of one line, which is what the lines of a grid's charts have.
const gridHeight = 290.0

// Grid draws charts as one picture that stands alone, row by row. A chart without a finite value leaves its place empty.
func Grid(title string, columns int, charts []Chart) []byte {
	rows := (len(charts) + columns - 1) / columns
	width, height := float64(columns)*drawWidth, float64(rows)*gridHeight
	var d drawing
	d.addf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" role="img"><title>%s</title><style>%s</style>`, num(width), num(height), esc(title), standaloneCSS())
	for i, c := range charts {
		x, y := float64(i%columns)*drawWidth, float64(i/columns)*gridHeight
		drawn := bytes.TrimPrefix(c.SVG(false), []byte("<svg "))
		if len(drawn) == 0 {
			continue
		}
		d.addf(`<svg x="%s" y="%s" width="%s" height="%s" preserveAspectRatio="xMinYMin meet" `, num(x), num(y), num(drawWidth), num(gridHeight))
		d.b = append(d.b, drawn...)
	}
	return d.end()
}
