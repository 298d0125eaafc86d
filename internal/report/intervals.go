package report

import (
	"math"

	"muonclip/rl"
)

// intervalChart shows shares with their intervals, one row each, in groups.
type intervalChart struct {
	title, xLabel string
	groups        []intervalGroup
}

type intervalGroup struct {
	name string
	rows []intervalRow
}

type intervalRow struct {
	name   string
	colour int
	rate   rl.Rate
}

// svg draws the chart, or gives nil where nothing was measured.
func (c intervalChart) svg(standalone bool) []byte {
	const row, gap = rowHeight, 9.0
	height := 6.0
	measured := false
	for _, g := range c.groups {
		height += rowHeight + gap + row*float64(len(g.rows))
		for _, r := range g.rows {
			measured = measured || r.rate.Of > 0
		}
	}
	if !measured {
		return nil
	}
	x := scale{lo: 0, hi: 100, p: 66, q: drawWidth - 58}
	at := func(share float64) float64 {
		if math.IsNaN(share) {
			share = 0
		}
		return x.at(100 * share)
	}
	var d drawing
	d.begin(height+40, c.title, "", standalone)
	ticks := x.ticks(6)
	texts := tickTexts(ticks, false)
	for i, v := range ticks {
		d.line(x.at(v), 6, x.at(v), height, "grid")
		d.text(x.at(v), height+17, "middle", "", texts[i])
	}
	d.line(x.p, height, x.q, height, "edge")
	d.text((x.p+x.q)/2, height+34, "middle", "ax", c.xLabel)
	y := 6.0
	for _, g := range c.groups {
		y += rowHeight
		d.text(2, y-2, "start", "ax", g.name)
		for _, r := range g.rows {
			y += row
			d.text(x.p-8, y-4, "end", "", cut(r.name, 6))
			if r.rate.Of == 0 {
				d.text(x.p+6, y-4, "start", "", "not measured")
				continue
			}
			d.addf(`<path class="span s%d" d="M%s %sH%s"/>`, r.colour, num(at(r.rate.Low)), num(y-8), num(at(r.rate.High)))
			d.addf(`<path class="dots big s%d" d="M%s %sh0"/>`, r.colour, num(at(r.rate.Share)), num(y-8))
			d.text(x.q+8, y-4, "start", "", percent(r.rate.Share))
		}
		y += gap
	}
	return d.end()
}

// cut shortens a name to n characters.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
