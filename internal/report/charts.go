package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"
)

// figure is one picture with its caption. Without a picture, Missing says why.
type figure struct {
	Title, Caption string
	SVG            template.HTML // written by this package alone, with every text escaped
	Missing        string
}

func newFigure(title, caption string, svg []byte, missing string) figure {
	f := figure{Title: title, Caption: caption, SVG: template.HTML(svg)}
	if svg == nil {
		f.Missing = missing
	}
	return f
}

// lossChart shows the loss of every step, its moving average, and the held-out loss beside the unigram baseline.
func lossChart(c *columns, unigram float64) lineChart {
	span := math.Max(5, float64(len(c.loss))/50)
	ch := lineChart{title: "Loss over training steps", yLabel: "nats per token", series: []series{
		{name: "train, each step", colour: 0, class: "raw", x: c.step, y: c.loss},
		{name: "train, smoothed", colour: 0, x: c.step, y: smooth(c.loss, span)},
		{name: "held-out", colour: 1, class: "dots", x: c.valStep, y: c.val},
	}}
	if unigram > 0 && !math.IsInf(unigram, 0) {
		ch.levels = append(ch.levels, level{y: unigram, label: "unigram baseline " + digits(unigram, 3)})
	}
	if lo, hi, ok := extent(c.loss); ok && lo > 0 && hi > 25*lo {
		ch.log = true // a spike would flatten everything else
	}
	for i, v := range c.loss {
		if math.IsNaN(finite(v)) {
			ch.rug = append(ch.rug, c.step[i])
		}
	}
	ch.rugName = "not finite"
	return ch
}

// logitChart shows the largest and the median head of every step beside tau.
func logitChart(c *columns, tau float64, clips []float64) lineChart {
	ch := lineChart{title: "Largest attention logit over training steps", yLabel: "softmax input", log: true, rug: clips, rugName: "QK-Clip", series: []series{
		{name: "largest head", colour: 0, x: c.step, y: c.maxLogit},
		{name: "median head", colour: 2, x: c.step, y: c.medianLogit},
	}}
	if top := c.largestLogit(); tau > 0 && tau < 20*top {
		ch.levels = []level{{y: tau, label: "τ = " + digits(tau, 3), left: true}}
	}
	return ch
}

// logitMap shows the largest logit of every head over time.
func logitMap(c *columns, tau float64, clips map[cell]int) heatMap {
	h := heatMap{
		title: "Largest attention logit of every head over training steps", group: "layer", row: "head", groups: c.layers, perRow: c.perRow,
		values: c.logits.cols, unit: "largest softmax input in a time bin", colours: viridis, time: &c.logits, dotName: "QK-Clip rescaled the head",
	}
	if c.layers == 0 {
		return h
	}
	h.rows = c.heatRows()
	if h.rows == 1 {
		h.row = ""
	}
	lo, hi, positive := math.Inf(1), math.Inf(-1), math.Inf(1)
	for _, col := range h.values {
		if l, u, ok := extent(col); ok {
			lo, hi = min(lo, l), max(hi, u)
		}
		for _, v := range col {
			if v > 0 {
				positive = min(positive, v)
			}
		}
	}
	h.lo, h.hi = lo, hi
	if h.log = lo >= 0 && positive < hi && hi >= 10*positive; h.log {
		h.lo = math.Max(positive, hi*1e-3)
	} else if lo >= 0 && lo < 0.5*hi {
		h.lo = 0
	}
	if h.hi <= h.lo {
		h.hi = h.lo + 1
	}
	switch {
	case !(tau > 0):
	case tau > h.hi:
		h.mark = level{y: h.hi, label: "τ = " + digits(tau, 3) + " is off the scale"}
	case tau >= h.lo:
		h.mark = level{y: tau, label: "τ = " + digits(tau, 3)}
	}
	for at := range clips {
		h.dots = append(h.dots, [2]int{at.column, at.row})
	}
	slices.SortFunc(h.dots, func(a, b [2]int) int { return slices.Compare(a[:], b[:]) })
	return h
}

// balanceChart shows the busiest expert of each MoE layer, or of the best, the median and the worst layer where there
// are too many to tell apart.
func balanceChart(c *columns, firstMoE int) lineChart {
	ch := lineChart{title: "Load of the busiest expert over training steps", yLabel: "busiest ÷ mean", zero: true, levels: []level{{y: 1, label: "balanced", below: true}}}
	if len(c.load) <= len(lineColours)-2 {
		for l, y := range c.load {
			ch.series = append(ch.series, series{name: fmt.Sprintf("layer %d", l+firstMoE), colour: l, x: c.step, y: smooth(y, math.Max(1, float64(len(y))/100))})
		}
		if len(ch.series) == 1 { // one line has no key, so it needs none of the words
			ch.series[0].name = "busiest expert"
		}
		return ch
	}
	n := len(c.step)
	worst, mid, best := make([]float64, n), make([]float64, n), make([]float64, n)
	column := make([]float64, 0, len(c.load))
	for i := range n {
		column = column[:0]
		for _, y := range c.load {
			column = append(column, y[i])
		}
		best[i], worst[i] = math.NaN(), math.NaN()
		if lo, hi, ok := extent(column); ok {
			best[i], worst[i] = lo, hi
		}
		mid[i] = median(column)
	}
	span := math.Max(1, float64(n)/100)
	ch.series = []series{
		{name: "worst layer", colour: 1, x: c.step, y: smooth(worst, span)},
		{name: "median layer", colour: 0, x: c.step, y: smooth(mid, span)},
		{name: "best layer", colour: 2, x: c.step, y: smooth(best, span)},
	}
	return ch
}

// loadMap shows how the last steps were spread over the experts.
func loadMap(c *columns, firstMoE int) heatMap {
	load := c.meanLoad()
	experts := 0
	for _, l := range load {
		experts = max(experts, len(l))
	}
	h := heatMap{
		title: "Load of every expert in the last steps", group: "layer", groups: len(load), rows: 1, first: firstMoE, unit: "load ÷ equal share",
		colours: diverging, lo: 0.25, hi: 4, log: true, mark: level{y: 1, label: "1 = equal share"}, column: "expert",
	}
	for e := range experts {
		col := make([]float64, len(load))
		for l := range load {
			col[l] = math.NaN()
			if e < len(load[l]) {
				col[l] = load[l][e]
			}
		}
		h.values = append(h.values, col)
	}
	return h
}

// rmsChart shows the size of the updates by parameter kind.
func rmsChart(c *columns) lineChart {
	ch := lineChart{title: "Update RMS by kind of parameter over training steps", yLabel: "update RMS", log: true}
	kinds := make([]string, 0, len(c.rms))
	for k := range c.rms {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	for i, k := range kinds[:min(len(kinds), len(lineColours))] {
		ch.series = append(ch.series, series{name: k, colour: i, x: c.step, y: c.rms[k]})
	}
	return ch
}

// flopsChart shows the speed of the arithmetic beside the measured peak, with the share of it on the right.
func flopsChart(c *columns, peak float64) lineChart {
	ch := lineChart{title: "Model FLOP/s over training steps", yLabel: "FLOP/s", zero: true, series: []series{{name: "FLOP/s", colour: 2, x: c.step, y: c.flopsPerSec}}}
	if !(peak > 0) { // derive it where a row gives both figures
		for i, share := range c.share {
			if p := finite(c.flopsPerSec[i] / share); share > 0 && p > 0 {
				peak = p
				break
			}
		}
	}
	if peak > 0 && !math.IsInf(peak, 0) {
		ch.levels = []level{{y: peak, label: "measured peak " + si(peak) + "FLOP/s"}}
		ch.right = func(v float64) float64 { return 100 * v / peak }
		ch.rightLabel = "% of peak"
	}
	return ch
}

// normChart shows the gradient norm beside the limit above which gradients are scaled down.
func normChart(c *columns, limit float64) lineChart {
	ch := single(c, "Gradient norm over training steps", "gradient norm", c.norm, 4, true, false)
	if limit > 0 && !math.IsInf(limit, 0) {
		ch.levels = []level{{y: limit, label: "clipped above " + digits(limit, 2)}}
	}
	return ch
}

// single is a chart of one line.
func single(c *columns, title, yLabel string, y []float64, colour int, log, zero bool) lineChart {
	return lineChart{title: title, yLabel: yLabel, log: log, zero: zero, series: []series{{name: yLabel, colour: colour, x: c.step, y: y}}}
}
