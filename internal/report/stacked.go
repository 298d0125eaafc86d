package report

import (
	"fmt"
	"math"
	"unicode/utf8"
)

// stackedChart shows how parts share a whole: one bar for each place on the x axis, or for some neighbouring ones where
// there are many.
type stackedChart struct {
	title, xName string
	first        int         // number of the first place
	names        []string    // of the parts, from the bottom up
	parts        [][]float64 // [place][part], not negative; a place may be all zero
}

const maxBars = 48

// svg draws the chart, or gives nil where all is zero.
func (c stackedChart) svg(standalone bool) []byte {
	n := len(c.parts)
	width := (n + maxBars - 1) / maxBars // places of a bar
	shown := make([]bool, len(c.names))
	var bars [][]float64
	for at := 0; at < n; at += width {
		bar, sum := make([]float64, len(c.names)), 0.0
		for _, parts := range c.parts[at:min(at+width, n)] {
			for k, v := range parts {
				if v > 0 && !math.IsNaN(finite(v)) {
					bar[k], sum, shown[k] = bar[k]+v, sum+v, true
				}
			}
		}
		for k := range bar {
			bar[k] /= max(sum, math.SmallestNonzeroFloat64)
		}
		bars = append(bars, bar)
	}
	keys, x, y := []key(nil), leftMargin, 2*rowHeight-4
	for k, name := range c.names {
		if !shown[k] {
			continue
		}
		w := 18 + charWidth*float64(utf8.RuneCountInString(name)) + 12
		if x+w > drawWidth+12 && x > leftMargin {
			x, y = leftMargin, y+rowHeight
		}
		keys = append(keys, key{x: x, y: y, name: name, colour: k})
		x += w
	}
	if len(keys) == 0 {
		return nil
	}
	top := y + 9
	xs := scale{lo: float64(c.first) - 0.5, hi: float64(c.first+len(bars)*width) - 0.5, p: leftMargin, q: drawWidth - 12}
	ys := scale{lo: 0, hi: 100, p: top + plotHeight, q: top}

	var d drawing
	d.begin(ys.p+40, c.title, "", standalone)
	d.text(2, 13, "start", "ax", "% of the time")
	ticks := ys.ticks(6)
	for i, label := range tickTexts(ticks, false) {
		at := ys.at(ticks[i])
		d.line(xs.p, at, xs.q, at, "grid")
		d.text(xs.p-5, at+4, "end", "", label)
	}
	countAxis(&d, xs, ys.p, c.xName)
	for _, k := range keys {
		d.addf(`<path class="key s%d" stroke-width="8" d="M%s %sh14"/>`, k.colour, num(k.x), num(k.y-4))
		d.text(k.x+18, k.y, "start", "", k.name)
	}
	full := (xs.q - xs.p) / float64(len(bars))
	gap := min(full*0.2, 4)
	for _, k := range keys {
		outline := ""
		for i, bar := range bars {
			below := 0.0
			for _, v := range bar[:k.colour] {
				below += v
			}
			if bar[k.colour] == 0 {
				continue
			}
			from, to := ys.at(100*below), ys.at(100*(below+bar[k.colour]))
			outline += fmt.Sprintf("M%s %sh%sV%sh-%sz", num(xs.p+full*float64(i)+gap/2), num(from), num(full-gap), num(to), num(full-gap))
		}
		d.addf(`<path class="bar s%d" d="%s"/>`, k.colour, outline)
	}
	return d.end()
}
