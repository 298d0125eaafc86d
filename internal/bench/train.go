// Package bench measures the program's own speed, so that anyone can repeat a figure with one command.
package bench

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"muonclip/internal/compute/cpu"
	"muonclip/internal/rng"
	"muonclip/internal/train"
	"muonclip/model"
	"muonclip/optim"
)

// TrainOptions says which training step to measure.
type TrainOptions struct {
	Model   model.Config
	Rows    int // sequences of a step
	Cols    int // tokens of a sequence
	Steps   int // measured steps, after one that is not counted
	Threads int // 0 means GOMAXPROCS
	Optim   optim.Config
}

// Spread is the minimum, median and maximum of a figure over the measured steps.
type Spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

// Train is what was measured. Seconds are of one step.
type Train struct {
	Kernels         string  `json:"kernels"`
	Threads         int     `json:"threads"`
	Parameters      int64   `json:"parameters"`
	TokensPerStep   int     `json:"tokens_per_step"`
	StepSeconds     Spread  `json:"step_seconds"`
	ForwardBackward Spread  `json:"forward_backward_seconds"`
	Optimizer       Spread  `json:"optimizer_seconds"`
	QKClip          Spread  `json:"qk_clip_seconds"`
	TokensPerSecond Spread  `json:"tokens_per_second"`
	ModelGflops     float64 `json:"model_gflops"` // model FLOPs of forward and backward over their median time
	PeakGflops      float64 `json:"peak_gflops"`  // measured matrix product rate
	PeakShare       float64 `json:"peak_share"`   // ModelGflops / PeakGflops
	AllocatedBytes  uint64  `json:"allocated_bytes_per_step"`
	TapeBytes       int     `json:"tape_bytes"` // activations and their gradients
}

// MeasureTrain runs training steps on random tokens.
func MeasureTrain(o TrainOptions) (*Train, error) {
	be := cpu.New[float32](o.Threads)
	m, err := model.New(o.Model, be)
	if err != nil {
		return nil, err
	}
	m.Init(1)
	params := train.OptimParams(m)
	opt, err := optim.NewOn(be, params, o.Optim)
	if err != nil {
		return nil, err
	}
	layers, clip := train.AttentionLayers(o.Model, params), optim.QKClip{}
	logits := optim.NewMaxLogits(len(layers), o.Model.NumAttentionHeads)
	in := randomInput(o)

	res := &Train{Kernels: be.Kernels(), Threads: be.Threads(), TokensPerStep: len(in.IDs), PeakGflops: be.Peak() / 1e9}
	for _, p := range m.Params() {
		res.Parameters += p.Elems()
	}
	var step, fwdBwd, update, clipping, rate []float64
	var before, after runtime.MemStats
	for i := range o.Steps + 1 {
		if i == 1 {
			runtime.ReadMemStats(&before)
		}
		start := time.Now()
		m.ZeroGrad()
		m.ResetStats()
		m.Step(in, 1/float64(len(in.IDs)), 1)
		gradients := time.Now()
		opt.Step(1e-3)
		updated := time.Now()
		logits.Reset()
		for l, heads := range m.MaxLogits() {
			optim.ObserveLayer(logits, l, heads)
		}
		if _, err := clip.Apply(layers, logits); err != nil {
			return nil, err
		}
		end := time.Now()
		if i == 0 {
			continue
		}
		step = append(step, end.Sub(start).Seconds())
		fwdBwd = append(fwdBwd, gradients.Sub(start).Seconds())
		update = append(update, updated.Sub(gradients).Seconds())
		clipping = append(clipping, end.Sub(updated).Seconds())
		rate = append(rate, float64(len(in.IDs))/end.Sub(start).Seconds())
	}
	runtime.ReadMemStats(&after)
	res.AllocatedBytes = (after.TotalAlloc - before.TotalAlloc) / uint64(o.Steps)
	res.StepSeconds, res.ForwardBackward, res.Optimizer = spread(step), spread(fwdBwd), spread(update)
	res.QKClip, res.TokensPerSecond = spread(clipping), spread(rate)
	res.ModelGflops = o.Model.TrainFLOPs(o.Cols).Total() * float64(len(in.IDs)) / res.ForwardBackward.Median / 1e9
	res.PeakShare = res.ModelGflops / res.PeakGflops
	res.TapeBytes = 4 * m.Memory()
	return res, nil
}

func randomInput(o TrainOptions) model.Input {
	r := rng.New(1, "bench tokens")
	in := model.Input{Rows: o.Rows, Cols: o.Cols}
	for range o.Rows * o.Cols {
		in.IDs = append(in.IDs, r.Int32N(int32(o.Model.VocabSize)))
		in.Targets = append(in.Targets, r.Int32N(int32(o.Model.VocabSize)))
	}
	return in
}

func spread(x []float64) Spread {
	slices.Sort(x)
	return Spread{Min: x[0], Median: x[len(x)/2], Max: x[len(x)-1]}
}

// Print writes the figures as a table.
func (t *Train) Print(w io.Writer) error {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tab, "parameters\t%d\n", t.Parameters)
	fmt.Fprintf(tab, "tokens per step\t%d\n", t.TokensPerStep)
	fmt.Fprintf(tab, "kernels\t%s, %d threads\n", t.Kernels, t.Threads)
	fmt.Fprintf(tab, "\tmedian\tmin\tmax\n")
	row := func(name, unit string, s Spread, scale float64) {
		fmt.Fprintf(tab, "%s\t%.4g %s\t%.4g\t%.4g\n", name, s.Median*scale, unit, s.Min*scale, s.Max*scale)
	}
	row("tokens per second", "", t.TokensPerSecond, 1)
	row("step", "ms", t.StepSeconds, 1e3)
	row("forward and backward", "ms", t.ForwardBackward, 1e3)
	row("optimizer", "ms", t.Optimizer, 1e3)
	row("QK-Clip", "ms", t.QKClip, 1e3)
	fmt.Fprintf(tab, "model FLOP rate\t%.1f GFLOP/s\t%.0f %% of the measured peak of %.1f\n", t.ModelGflops, 100*t.PeakShare, t.PeakGflops)
	fmt.Fprintf(tab, "heap allocated per step\t%.3f MB\n", float64(t.AllocatedBytes)/1e6)
	fmt.Fprintf(tab, "activations and gradients of them\t%.1f MB\n", float64(t.TapeBytes)/1e6)
	return tab.Flush()
}
