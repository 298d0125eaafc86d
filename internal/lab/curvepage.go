package lab

import (
	"fmt"
	"html/template"

	"muonclip/internal/atomicfile"
	"muonclip/internal/lab/instrument"
	"muonclip/internal/report"
)

// curve is one quantity over tokens by arm.
type curve struct {
	title, caption string
	y              string // what its axis shows
	logs           bool   // the mean over seeds is geometric, the axis logarithmic
	log            bool   // the axis is logarithmic, where the values span a factor of ten
	zero           bool   // the axis begins at zero
	dots           bool
	levels         []report.Level
	pick           func(*Result) (x, y []float64)
}

// chart draws a line with a band for each arm.
func (o *Outcome) chart(c curve) report.Chart {
	out := report.Chart{Title: c.title, X: "tokens", Y: c.y, Log: c.logs || c.log, Zero: c.zero, Levels: c.levels}
	for i, cell := range o.Table.Cells {
		if l, ok := band(o.Table.Runs(cell), c.logs, c.pick); ok {
			l.Name, l.Colour, l.Dots = titleOf(cell), i, c.dots
			out.Lines = append(out.Lines, l)
		}
	}
	return out
}

func (o *Outcome) figure(c curve) Figure {
	seeds := "Mean over seeds; bands run from the least to the largest."
	if c.logs {
		seeds = "Geometric mean over seeds; bands run from the least to the largest."
	}
	if c.caption != "" {
		seeds = c.caption + " " + seeds
	}
	return Figure{c.title, seeds, template.HTML(o.chart(c).SVG(false))}
}

// smoothed is a quantity of every step, as a mean over a thirtieth of the run.
func smoothed(y func(*Result) []float64) func(*Result) (x, y []float64) {
	return func(r *Result) ([]float64, []float64) { return r.Tokens, smooth(y(r), len(r.Steps)/30) }
}

func (o *Outcome) valCurve() curve {
	return curve{title: "Held-out loss", y: "nats per token", log: true, dots: true, pick: func(r *Result) (x, y []float64) { return r.ValTokens, r.Val }}
}

func (o *Outcome) logitCurve() curve {
	return curve{title: "Largest attention logit", y: "softmax input", logs: true, levels: o.taus(), pick: func(r *Result) (x, y []float64) {
		return r.Tokens, r.MaxLogit
	}}
}

// WritePicture draws what the first rule of an experiment is about as an SVG file of its own: the ladder's losses, the
// largest logits, or else the held-out loss.
func WritePicture(o *Outcome, path string) error {
	chart, ladder := o.endingsChart()
	if !ladder {
		c := o.valCurve()
		switch o.Experiment.Accept[0].Quantity {
		case "max_logit", "max_logit_end", "clipped_heads", "clip_end":
			c = o.logitCurve()
		}
		chart = o.chart(c)
	}
	svg := chart.SVG(true)
	if svg == nil {
		return fmt.Errorf("lab: %s has no runs yet that could be drawn; start them with \"muonclip lab run %s\"", o.Experiment.Name, o.Experiment.Name)
	}
	return atomicfile.WriteFile(path, svg)
}

// figures draws what every run measures at every step.
func (o *Outcome) figures() []Figure {
	return figures(
		o.endings(),
		o.figure(o.valCurve()),
		o.figure(curve{title: "Training loss", caption: "Smoothed.", y: "nats per token", log: true, pick: smoothed(func(r *Result) []float64 { return r.Loss })}),
		o.figure(o.logitCurve()),
		o.figure(curve{title: "Gradient norm", caption: "Smoothed.", y: "before clipping", logs: true, pick: smoothed(func(r *Result) []float64 { return r.GradNorm })}),
		o.figure(curve{title: "Clipped heads", caption: "Share of the heads that QK-Clip rescaled in a step, smoothed.", y: "% of all heads", zero: true, pick: clippedShare}),
	)
}

// clippedShare is the percentage of clipped heads over tokens; nothing where QK-Clip never acted.
func clippedShare(r *Result) (x, y []float64) {
	all := r.layers * r.heads
	if all == 0 || !(largest(r.Clipped) > 0) {
		return nil, nil
	}
	share := make([]float64, len(r.Clipped))
	for i, n := range r.Clipped {
		share[i] = 100 * n / float64(all)
	}
	return r.Tokens, smooth(share, len(share)/30)
}

// instruments draws the courses of what was measured beside training. Ranks and places along a step have no mean that
// says anything, so they are left to the notebook.
func (o *Outcome) instruments() []Figure {
	var out []Figure
	for _, c := range []struct {
		name string
		curve
	}{
		{instrument.WeightRMS, curve{title: "Size of the weights", y: "RMS", logs: true}},
		{instrument.UpdateRMS, curve{title: "Size of an update", caption: "Learning rate included, weight decay not.", y: "RMS", logs: true}},
		{instrument.UpdateRatio, curve{title: "Update over weight", y: "ratio of RMS", logs: true}},
		{instrument.WeightStableRank, curve{title: "Stable rank of the weights", y: "stable rank", logs: true}},
		{instrument.UpdateStableRank, curve{title: "Stable rank of an update", y: "stable rank", logs: true}},
		{instrument.WeightEntropy, curve{title: "Spectral entropy of the weights", y: "share of the largest possible"}},
		{instrument.AttentionEntropy, curve{title: "Entropy of attention", y: "nats"}},
		{instrument.Sharpness, curve{title: "Sharpness along a step", y: "nats per token"}},
		{instrument.NoiseScale, curve{title: "Noise of the gradient", y: "tokens", logs: true}},
	} {
		c.pick = func(r *Result) (x, y []float64) { return r.Instruments[c.name].Tokens, r.Instruments[c.name].Values }
		c.dots = true
		out = append(out, o.figure(c.curve))
	}
	return figures(out...)
}
