package bench

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"muonclip/internal/atomicfile"
	"muonclip/model"
)

// What the cost of a step is drawn over.
const (
	OverLength  = "sequence length"
	OverExperts = "experts"
	OverBatch   = "batch"
	OverVocab   = "vocabulary"
)

// ScalingOptions says over what cost is measured. The lists hold the values; an empty one leaves that part out.
type ScalingOptions struct {
	Train TrainOptions // the model and step that one thing at a time is changed in; Rows and Cols are those of experts and vocabulary

	Lengths []int // at Tokens tokens a step
	Tokens  int   // of a step over sequence length
	Experts []int // at the model's top-k
	Batches []int // sequences of Cols tokens
	Vocabs  []int

	Out []string // files to write, .svg or .csv
}

// ScalingPoint is one model and step.
type ScalingPoint struct {
	Over   string `json:"over"`
	Value  int    `json:"value"`
	Tokens int    `json:"tokens_per_step"`

	PerToken    Spread  `json:"seconds_per_token"` // forward and backward
	LawPerToken float64 `json:"law_seconds_per_token"`
	Update      Spread  `json:"optimizer_seconds"` // of a step; it does not depend on the tokens
	LawUpdate   float64 `json:"law_optimizer_seconds"`
	Memory      Memory  `json:"memory"`
	LawMemory   int64   `json:"law_memory_bytes"` // resident peak

	flops, updateFLOPs float64 // the first per token
}

// Scaling is what was measured. The laws are one measured constant each, taken at the first point of a series, times a count:
// of the model's FLOPs per token, of Newton-Schulz FLOPs, and for memory of bytes.
type Scaling struct {
	Machine Machine        `json:"machine"`
	Points  []ScalingPoint `json:"points"` // series after series, rising
}

// MeasureScaling runs a few training steps at every point and writes the files.
func MeasureScaling(ctx context.Context, o ScalingOptions) (*Scaling, error) {
	for _, name := range o.Out {
		if ext := filepath.Ext(name); ext != ".svg" && ext != ".csv" {
			return nil, fmt.Errorf("bench: %s: cannot write this kind of file; the name must end in .svg or .csv", name)
		}
	}
	res := &Scaling{}
	for _, p := range o.points() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		point, machine, err := measurePoint(p)
		if err != nil {
			return nil, fmt.Errorf("bench: %s %d: %w", p.over, p.value, err)
		}
		if res.Machine.Kernels == "" {
			res.Machine = machine
		}
		res.Points = append(res.Points, *point)
	}
	res.laws()
	for _, name := range o.Out {
		if err := res.writeFile(name); err != nil {
			return nil, fmt.Errorf("bench: %w", err)
		}
	}
	return res, nil
}

func (s *Scaling) writeFile(name string) error {
	if filepath.Ext(name) == ".svg" {
		return atomicfile.WriteFile(name, s.Plot())
	}
	return atomicfile.Write(name, s.CSV)
}

// plannedPoint is a point before it is measured.
type plannedPoint struct {
	over  string
	value int
	train TrainOptions
}

func (o ScalingOptions) points() []plannedPoint {
	var out []plannedPoint
	add := func(over string, values []int, change func(t *TrainOptions, v int)) {
		for _, v := range values {
			t := o.Train
			change(&t, v)
			t.Model.MaxPositionEmbeddings = max(t.Model.MaxPositionEmbeddings, t.Cols)
			out = append(out, plannedPoint{over, v, t})
		}
	}
	add(OverLength, o.Lengths, func(t *TrainOptions, v int) { t.Rows, t.Cols = max(1, o.Tokens/v), v })
	add(OverExperts, o.Experts, func(t *TrainOptions, v int) { t.Model.NRoutedExperts = v })
	add(OverBatch, o.Batches, func(t *TrainOptions, v int) { t.Rows = v })
	add(OverVocab, o.Vocabs, func(t *TrainOptions, v int) { t.Model.VocabSize = v })
	return out
}

func measurePoint(p plannedPoint) (*ScalingPoint, Machine, error) {
	before, _ := resetPeak()
	s, err := newStepper(p.train, p.train.Threads)
	if err != nil {
		return nil, Machine{}, err
	}
	times, _, err := s.steps(p.train.Steps)
	if err != nil {
		return nil, Machine{}, err
	}
	point := &ScalingPoint{Over: p.over, Value: p.value, Tokens: len(s.in.IDs), Update: part(times, func(t stepTimes) float64 { return t.update }), Memory: countMemory(s.model, s.opt)}
	point.Memory.resident(before)
	point.PerToken = part(times, func(t stepTimes) float64 { return t.gradients / float64(point.Tokens) })
	point.count(p.train.Model, p.train.Cols, newtonSchulzSteps(p.train.Optim))
	return point, DescribeMachine(s.cpu.Kernels(), s.cpu.Threads()), nil
}

func (p *ScalingPoint) count(cfg model.Config, cols, iterations int) {
	p.flops, p.updateFLOPs = cfg.TrainFLOPs(cols).Total(), cfg.NewtonSchulzFLOPs(iterations)
}

// laws fills in what the counts predict from the first point of each series. For memory it is the counted bytes of
// weights, gradients and optimizer state, the first point's activations for each token, and what the process held besides
// these at the first point.
func (s *Scaling) laws() {
	var first *ScalingPoint
	for i := range s.Points {
		p := &s.Points[i]
		if first == nil || first.Over != p.Over {
			first = p
		}
		p.LawPerToken = first.PerToken.Median * p.flops / first.flops
		p.LawUpdate = first.Update.Median * p.updateFLOPs / first.updateFLOPs
		m, f := p.Memory, first.Memory
		activations := float64(f.Activations) * float64(p.Tokens) / float64(first.Tokens)
		p.LawMemory = m.Weights + m.Gradients + m.Optimizer + int64(activations) + f.Peak - f.Needed()
	}
}

// Print writes the figures as a table.
func (s *Scaling) Print(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "machine  %s\n", s.Machine); err != nil {
		return err
	}
	tab := newTable(w)
	over := ""
	for _, p := range s.Points {
		if p.Over != over {
			over = p.Over
			tab.put("\n%s\ttokens\tus/token\tmin\tmax\tlaw\tof law\toptimizer ms\tlaw\tresident\tlaw\tof law\n", over)
		}
		resident, ofLaw := "-", "-"
		if p.Memory.Peak > 0 {
			resident, ofLaw = bytesText(p.Memory.Peak), fmt.Sprintf("%.2f", float64(p.Memory.Peak)/float64(p.LawMemory))
		}
		tab.put("%d\t%d\t%.4g\t%.4g\t%.4g\t%.4g\t%.2f\t%.4g\t%.4g\t%s\t%s\t%s\n", p.Value, p.Tokens,
			p.PerToken.Median*1e6, p.PerToken.Min*1e6, p.PerToken.Max*1e6, p.LawPerToken*1e6, p.PerToken.Median/p.LawPerToken,
			p.Update.Median*1e3, p.LawUpdate*1e3, resident, bytesText(p.LawMemory), ofLaw)
	}
	return tab.Flush()
}

// CSV writes one line a point under a line of names; times are in seconds, sizes in bytes.
func (s *Scaling) CSV(w io.Writer) error {
	out := csv.NewWriter(w)
	lines := [][]string{{
		"over", "value", "tokens_per_step", "seconds_per_token", "seconds_per_token_min", "seconds_per_token_max", "law_seconds_per_token",
		"optimizer_seconds", "law_optimizer_seconds", "weights", "gradients", "optimizer", "activations", "resident_peak", "law_memory",
	}}
	float := func(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
	whole := func(v int64) string { return strconv.FormatInt(v, 10) }
	for _, p := range s.Points {
		m := p.Memory
		lines = append(lines, []string{
			p.Over, strconv.Itoa(p.Value), strconv.Itoa(p.Tokens), float(p.PerToken.Median), float(p.PerToken.Min), float(p.PerToken.Max), float(p.LawPerToken),
			float(p.Update.Median), float(p.LawUpdate), whole(m.Weights), whole(m.Gradients), whole(m.Optimizer), whole(m.Activations), whole(m.Peak), whole(p.LawMemory),
		})
	}
	return out.WriteAll(lines)
}
