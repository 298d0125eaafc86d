package lab

import (
	"fmt"
	"math"
	"slices"

	"muonclip/internal/config"
	"muonclip/internal/lab/instrument"
	"muonclip/internal/metrics"
	"muonclip/internal/stage"
)

// Result is what a run folder says.
type Result struct {
	Job
	Dir    string
	Status string // Finished, Diverged, or empty for a run that is not done
	Values map[string]float64

	// Curves over the steps: one entry for each step, and for each evaluation.
	Steps, Tokens, FLOPs, Seconds          []float64
	Loss, MaxLogit, GradNorm, Clipped      []float64
	ValSteps, ValTokens, ValFLOPs, ValSecs []float64
	Val                                    []float64
	Instruments                            map[string]Curve // means over all that an instrument measured in a step
	spikes                                 []metrics.Event
	clips                                  []metrics.Event
	flopsPerToken                          float64
	layers, heads                          int
}

// Curve is a quantity over tokens.
type Curve struct{ Tokens, Values []float64 }

// read gathers the curves of a run folder whose resolved configuration is given.
func read(dir string, cfg config.Config) (*Result, error) {
	r := &Result{Dir: dir, Values: map[string]float64{}}
	r.Config = cfg
	r.flopsPerToken = cfg.Model.TrainFLOPs(cfg.Train.SeqLen).Total()
	var last metrics.Row
	for row, err := range metrics.Rows(dir) {
		if err != nil {
			return nil, stage.DamagedError{Err: err}
		}
		r.add(&row)
		r.layers = len(row.MaxLogit)
		if r.layers > 0 {
			r.heads = len(row.MaxLogit[0])
		}
		if row.Skipped {
			r.Values["skipped"]++
		}
		for kind, v := range row.ValLossBy {
			r.Values["val_loss."+kind] = v
		}
		last = row
	}
	if last.Step == 0 {
		return nil, fmt.Errorf("lab: %s has no steps yet: %s is empty or missing", dir, metrics.RowsFile)
	}
	for e, err := range metrics.Events(dir) {
		if err != nil {
			return nil, stage.DamagedError{Err: err}
		}
		switch e.Kind {
		case metrics.KindQKClip:
			r.clips = append(r.clips, e)
		case metrics.KindSpike:
			r.spikes = append(r.spikes, e)
		}
	}
	for kind, v := range last.UpdateRMS {
		r.Values["update_rms."+kind] = v
	}
	r.summarize()
	return r, r.readInstruments()
}

// add appends a row. A row of an earlier step replaces those from there on: the run went back.
func (r *Result) add(row *metrics.Row) {
	s := float64(row.Step)
	if n := len(r.Steps); n > 0 && r.Steps[n-1] >= s {
		keep, _ := slices.BinarySearch(r.Steps, s)
		for _, c := range []*[]float64{&r.Steps, &r.Tokens, &r.FLOPs, &r.Seconds, &r.Loss, &r.MaxLogit, &r.GradNorm, &r.Clipped} {
			*c = (*c)[:keep]
		}
		keep, _ = slices.BinarySearch(r.ValSteps, s)
		for _, c := range []*[]float64{&r.ValSteps, &r.ValTokens, &r.ValFLOPs, &r.ValSecs, &r.Val} {
			*c = (*c)[:keep]
		}
	}
	flops := float64(row.Tokens) * r.flopsPerToken
	r.Steps, r.Tokens = append(r.Steps, s), append(r.Tokens, float64(row.Tokens))
	r.FLOPs, r.Seconds = append(r.FLOPs, flops), append(r.Seconds, row.Seconds)
	r.Loss, r.GradNorm = append(r.Loss, row.Loss), append(r.GradNorm, row.GradNorm)
	r.MaxLogit, r.Clipped = append(r.MaxLogit, row.LargestLogit()), append(r.Clipped, float64(row.ClippedHeads))
	if row.ValLoss != nil {
		r.ValSteps, r.ValTokens = append(r.ValSteps, s), append(r.ValTokens, float64(row.Tokens))
		r.ValFLOPs, r.ValSecs = append(r.ValFLOPs, flops), append(r.ValSecs, row.Seconds)
		r.Val = append(r.Val, *row.ValLoss)
	}
}

// summarize computes the quantities of the whole run.
func (r *Result) summarize() {
	n := len(r.Steps)
	tail := max(1, n/10)
	v := r.Values
	v["train_loss"] = mean(r.Loss[n-tail:])
	v["max_logit"], v["max_logit_end"] = largest(r.MaxLogit), largest(r.MaxLogit[n-tail:])
	v["grad_norm_max"] = largest(r.GradNorm)
	v["tokens"], v["flops"], v["seconds"] = r.Tokens[n-1], r.FLOPs[n-1], r.Seconds[n-1]
	v["spikes"] = float64(len(r.spikes))
	v["skipped"] += 0 // zero where nothing was skipped
	heads := map[[2]int]bool{}
	v["clip_end"] = 0
	for _, e := range r.clips {
		heads[[2]int{e.Layer, e.Head}] = true
		v["clip_end"] = math.Max(v["clip_end"], float64(e.Step)/r.Steps[n-1])
	}
	v["clipped_heads"] = 0
	if r.layers*r.heads > 0 {
		v["clipped_heads"] = float64(len(heads)) / float64(r.layers*r.heads)
	}
	if len(r.Val) > 0 {
		v["val_loss"] = r.Val[len(r.Val)-1]
	}
}

// end notes how the run ended, given the loss of a unigram model on the same held-out text, 0 for unknown.
func (r *Result) end(status string, unigram float64) {
	r.Status = status
	r.Values["diverged"], r.Values["survived"] = 0, 1
	if status == Diverged {
		r.Values["diverged"], r.Values["survived"] = 1, 0
		delete(r.Values, "val_loss")
		return
	}
	if v, ok := r.Values["val_loss"]; ok && unigram > 0 && !(v < unigram) {
		r.Values["survived"] = 0
	}
}

// readInstruments takes the courses of all instruments, and their last means as quantities.
func (r *Result) readInstruments() error {
	all, err := instrument.Courses(r.Dir)
	if err != nil {
		return stage.DamagedError{Err: err}
	}
	r.Instruments = map[string]Curve{}
	for name, c := range all {
		r.Values["instrument."+name] = c.Means[len(c.Means)-1]
		var curve Curve
		for i, step := range c.Steps {
			if at := interpolate(r.Steps, r.Tokens, float64(step)); !math.IsNaN(at) {
				curve.Tokens, curve.Values = append(curve.Tokens, at), append(curve.Values, c.Means[i])
			}
		}
		r.Instruments[name] = curve
	}
	return nil
}

// largest is the largest entry, infinities included and NaN passed over, or NaN where there is none.
func largest(x []float64) float64 {
	top := math.NaN()
	for _, v := range x {
		if math.IsNaN(top) || v > top {
			top = v
		}
	}
	return top
}

// Table is the results of an experiment by cell and seed.
type Table struct {
	Cells []string
	Seeds []uint64
	runs  map[string]map[uint64]*Result
}

func newTable(cells []string, seeds []uint64) *Table {
	return &Table{Cells: cells, Seeds: seeds, runs: map[string]map[uint64]*Result{}}
}

func (t *Table) add(r *Result) {
	if t.runs[r.Cell] == nil {
		t.runs[r.Cell] = map[uint64]*Result{}
	}
	t.runs[r.Cell][r.Seed] = r
}

// Run is the result of a cell and seed, nil where it is not done.
func (t *Table) Run(cell string, seed uint64) *Result { return t.runs[cell][seed] }

// Runs lists the results of a cell in the order of the seeds.
func (t *Table) Runs(cell string) []*Result {
	var out []*Result
	for _, seed := range t.Seeds {
		if r := t.Run(cell, seed); r != nil {
			out = append(out, r)
		}
	}
	return out
}

// Value is a quantity of one run, NaN where it is not known.
func (t *Table) Value(cell string, seed uint64, quantity string) float64 {
	if r := t.Run(cell, seed); r != nil {
		if v, ok := r.Values[quantity]; ok && !math.IsInf(v, 0) {
			return v
		}
	}
	return math.NaN()
}

// Values lists a quantity over the seeds that have it.
func (t *Table) Values(cell, quantity string) []float64 {
	var out []float64
	for _, seed := range t.Seeds {
		if v := t.Value(cell, seed, quantity); !math.IsNaN(v) {
			out = append(out, v)
		}
	}
	return out
}
