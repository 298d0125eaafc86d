package lab

import (
	"fmt"
	"html/template"

	"muonclip/internal/report"
)

// writeHTML draws the heads over time and lists what Print lists.
func (e *Explanation) writeHTML(path string) error {
	page := struct {
		Figures  []Figure
		Clipping string
		Heads    pageTable
		Spikes   []Spike
	}{Clipping: e.clipping(), Spikes: e.Spikes}
	lines := report.Chart{Title: "Largest logits of the loudest heads", Y: "softmax input", Log: true}
	if e.Tau > 0 {
		lines.Levels = append(lines.Levels, report.Level{Y: e.Tau, Label: "τ = " + short(e.Tau)})
	}
	page.Heads = pageTable{Head: []string{"layer", "head", "largest", "at step", "at the end", "clips", "first", "last", "least γ"}}
	for i, h := range e.Heads {
		page.Heads.Rows = append(page.Heads.Rows, []string{
			fmt.Sprint(h.Layer), fmt.Sprint(h.Head), short(float64(h.Largest)), fmt.Sprint(h.At), short(float64(h.End)),
			fmt.Sprint(h.Clips), fmt.Sprint(h.First), fmt.Sprint(h.Last), short(float64(h.Gamma)),
		})
		if i >= 6 {
			continue
		}
		line := report.Line{Name: fmt.Sprintf("layer %d, head %d", h.Layer, h.Head), Colour: i}
		for _, row := range e.rows {
			line.X, line.Y = append(line.X, float64(row.Step)), append(line.Y, float64(row.MaxLogit[h.Layer][h.Head]))
		}
		lines.Lines = append(lines.Lines, line)
	}
	page.Figures = figures(
		Figure{"Layer × head", "The largest logit of every head over time.", template.HTML(report.LogitMap(e.rows, e.events, e.Tau))},
		Figure{"The loudest heads", "", template.HTML(lines.SVG(false))},
	)
	return writePage(path, report.Document{
		Title: "What happened in " + e.Run, Sub: fmt.Sprintf("%d steps", e.Steps), Footer: "Hover or tap a chart for values.",
	}, "explanation", page)
}
