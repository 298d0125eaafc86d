package lab

import (
	"html/template"
	"math"
	"slices"
	"strconv"

	"muonclip/internal/report"
)

// writeHTML draws the curves, and their differences from the first entry.
func (c *Comparison) writeHTML(path string) error {
	unit := map[string]string{"tokens": "tokens", "flops": "FLOPs", "time": "seconds", "steps": ""}[c.Align]
	curve := func(title, caption, y string, log bool, pick func(*Result) (x, y []float64)) Figure {
		ch := report.Chart{Title: title, X: unit, Y: y, Log: log}
		for i, g := range c.groups {
			if l, ok := band(g.runs, log, pick); ok {
				l.Name, l.Colour = g.name, i
				ch.Lines = append(ch.Lines, l)
			}
		}
		return Figure{title, caption, template.HTML(ch.SVG(false))}
	}
	steps := func(y func(*Result) []float64) func(*Result) ([]float64, []float64) {
		return func(r *Result) ([]float64, []float64) { return c.x(r), y(r) }
	}
	base := c.groups[0]
	difference := func(r *Result) (x, y []float64) {
		i := max(0, slices.IndexFunc(base.runs, func(b *Result) bool { return b.Seed == r.Seed }))
		b := base.runs[i]
		mine, theirs := smooth(r.Loss, len(r.Loss)/30), smooth(b.Loss, len(b.Loss)/30)
		for k, at := range c.x(r) {
			if v := mine[k] - interpolate(c.x(b), theirs, at); !math.IsNaN(v) {
				x, y = append(x, at), append(y, v)
			}
		}
		return x, y
	}
	page := struct {
		Figures []Figure
		Table   pageTable
	}{Figures: figures(
		curve("Held-out loss", "", "nats per token", false, func(r *Result) ([]float64, []float64) {
			_, x := axisOf(c.Align)(r)
			return x, r.Val
		}),
		curve("Training loss", "Smoothed.", "nats per token", true, steps(func(r *Result) []float64 { return smooth(r.Loss, len(r.Loss)/30) })),
		curve("Training loss less that of "+base.name, "Smoothed.", "nats per token", false, difference),
		curve("Largest attention logit", "", "softmax input", true, steps(func(r *Result) []float64 { return r.MaxLogit })),
		curve("Gradient norm", "Smoothed.", "before clipping", true, steps(func(r *Result) []float64 { return smooth(r.GradNorm, len(r.GradNorm)/30) })),
	)}
	page.Table.Head = []string{
		"run", "runs", "training loss", "held-out", "difference in training", "held-out", c.Align + " for equal held-out loss", "intervals",
	}
	for _, e := range c.Entries {
		page.Table.Rows = append(page.Table.Rows, []string{
			e.Name, strconv.Itoa(e.Runs), short(float64(e.Loss)), short(float64(e.ValLoss)),
			e.Difference.String(), e.ValDiff.String(), e.Ratio.String(), e.Method,
		})
	}
	return writePage(path, report.Document{
		Title: "Comparison of runs", Sub: "aligned by " + c.Align + "; differences are less " + base.name + "; bands run from the least to the largest seed", Footer: "Hover or tap a chart for values.",
	}, "comparison", page)
}
