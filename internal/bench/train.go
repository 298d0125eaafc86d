// Package bench measures the program's own speed, so that anyone can repeat a figure with one command.
package bench

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"muonclip/data/batch"
	"muonclip/data/shard"
	"muonclip/internal/compute/cuda"
	"muonclip/model"
	"muonclip/optim"
)

// TrainOptions says which training step to measure.
type TrainOptions struct {
	Model   model.Config
	Rows    int // sequences of a micro-batch
	Cols    int // tokens of a sequence
	Steps   int // measured steps, after one that is not counted
	Threads int // 0 means GOMAXPROCS
	Optim   optim.Config

	MicroBatches int           // of a step, 0 means 1
	GPU          *cuda.Options // nil for the processor
	Profile      bool          // also note the time of each operation on the GPU

	Recompute      bool   // run each layer again in the backward pass instead of keeping its activations
	CompareThreads bool   // also alternate with one thread and state the factor
	Temp           string // folder for random shards, by which loading is measured; "" means the system's
}

// Train is what was measured. Seconds are of one step.
type Train struct {
	Machine         Machine `json:"machine"`
	Kernels         string  `json:"kernels"`
	Threads         int     `json:"threads"`
	Parameters      int64   `json:"parameters"`
	TokensPerStep   int     `json:"tokens_per_step"`
	StepSeconds     Spread  `json:"step_seconds"`
	ForwardBackward Spread  `json:"forward_backward_seconds"`
	Optimizer       Spread  `json:"optimizer_seconds"`
	QKClip          Spread  `json:"qk_clip_seconds"`
	Loading         Spread  `json:"loading_seconds"` // to make the batch from shards, which training does beside the step
	TokensPerSecond Spread  `json:"tokens_per_second"`
	OptimizerShare  float64 `json:"optimizer_share"` // of the median step
	QKClipShare     float64 `json:"qk_clip_share"`
	LoadingShare    float64 `json:"loading_share"`
	ModelGflops     float64 `json:"model_gflops"` // model FLOPs of forward and backward over their median time
	PeakGflops      float64 `json:"peak_gflops"`  // measured matrix product rate
	PeakShare       float64 `json:"peak_share"`   // ModelGflops / PeakGflops
	BoundSeconds    float64 `json:"bound_seconds"`
	BoundShare      float64 `json:"bound_share"` // BoundSeconds / median step
	AllocatedBytes  uint64  `json:"allocated_bytes_per_step"`
	TapeBytes       int     `json:"tape_bytes"` // activations and their gradients
	Memory          Memory  `json:"memory"`

	GPU *GPUFigures `json:"gpu,omitempty"` // nil for the processor

	// ActivationsKept are the bytes of activations without recomputation, where it was asked for.
	ActivationsKept int64 `json:"activations_kept,omitempty"`

	Scaling *ThreadScaling `json:"scaling,omitempty"` // nil unless asked for
}

// ThreadScaling compares one thread with all of them, in alternating steps.
type ThreadScaling struct {
	One    Spread  `json:"one_tokens_per_second"`
	All    Spread  `json:"all_tokens_per_second"`
	Factor float64 `json:"factor"` // of the medians
}

// MeasureTrain runs training steps on random tokens.
func MeasureTrain(o TrainOptions) (*Train, error) {
	if o.GPU != nil {
		res, err := measureTrainGPU(o)
		if err == nil && o.Profile {
			res.GPU.Profile, err = profileSteps(o)
		}
		return res, err
	}
	if o.Profile {
		return nil, errors.New("bench: operations are timed one by one on a GPU only")
	}
	before, _ := resetPeak()
	s, err := newStepper(o, o.Threads)
	if err != nil {
		return nil, err
	}
	res := &Train{
		Machine: DescribeMachine(s.cpu.Kernels(), s.cpu.Threads()), Kernels: s.cpu.Kernels(), Threads: s.cpu.Threads(),
	}
	if err := res.measure(s, o.Steps); err != nil {
		return nil, err
	}
	res.Memory.resident(before)
	if o.Recompute {
		s.model.Recompute = false // from here on; the largest live set can only grow
		if _, err := s.step(); err != nil {
			return nil, err
		}
		res.ActivationsKept = countMemory(s.model, s.opt).Activations
		s.model.Recompute = true
	}
	res.rates(o, max(s.cpu.Peak(), s.cpu.Peak())/1e9)
	if err := res.loading(o); err != nil {
		return nil, err
	}
	if o.CompareThreads {
		res.Scaling, err = compareThreads(o, s)
	}
	return res, err
}

// measure times n steps and counts what the model needs.
func (t *Train) measure(s *stepper, n int) error {
	times, allocated, err := s.steps(n)
	if err != nil {
		return err
	}
	for _, p := range s.model.ReadParams() {
		t.Parameters += p.Elems()
	}
	t.TokensPerStep, t.AllocatedBytes, t.TapeBytes = s.tokens(), allocated, 4*s.model.Memory()
	t.Memory = countMemory(s.model, s.opt)
	t.fill(times)
	return nil
}

// steps does some steps that are not counted and then n that are, and says what was allocated in each.
func (s *stepper) steps(n int) (times []stepTimes, allocated uint64, err error) {
	if n < 1 {
		return nil, 0, fmt.Errorf("bench: %d measured steps, want 1 or more", n)
	}
	for range s.warm {
		if _, err := s.step(); err != nil {
			return nil, 0, err
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		t, err := s.step()
		if err != nil {
			return nil, 0, err
		}
		times = append(times, t)
	}
	runtime.ReadMemStats(&after)
	return times, (after.TotalAlloc - before.TotalAlloc) / uint64(n), nil
}

// part is the spread of one part of the steps.
func part(times []stepTimes, f func(stepTimes) float64) Spread {
	x := make([]float64, len(times))
	for i, t := range times {
		x[i] = f(t)
	}
	return spread(x)
}

func (t *Train) fill(times []stepTimes) {
	t.StepSeconds = part(times, stepTimes.total)
	t.ForwardBackward = part(times, func(s stepTimes) float64 { return s.gradients })
	t.Optimizer = part(times, func(s stepTimes) float64 { return s.update })
	t.QKClip = part(times, func(s stepTimes) float64 { return s.clip })
	t.TokensPerSecond = t.StepSeconds.over(float64(t.TokensPerStep))
	t.OptimizerShare = t.Optimizer.Median / t.StepSeconds.Median
	t.QKClipShare = t.QKClip.Median / t.StepSeconds.Median
}

// rates compares the times with the measured peak. The bound is the time that the counted products, those of
// Newton-Schulz with symmetry among them, would take at the peak.
func (t *Train) rates(o TrainOptions, peakGflops float64) {
	gflop := o.Model.TrainFLOPs(o.Cols).Total() * float64(t.TokensPerStep) / 1e9
	t.PeakGflops = peakGflops
	t.ModelGflops = gflop / t.ForwardBackward.Median
	t.PeakShare = t.ModelGflops / peakGflops
	t.BoundSeconds = (gflop + o.Model.NewtonSchulzFLOPs(newtonSchulzSteps(o.Optim))/1e9) / peakGflops
	t.BoundShare = t.BoundSeconds / t.StepSeconds.Median
}

// newtonSchulzSteps is the number of iterations that a configuration means.
func newtonSchulzSteps(c optim.Config) int {
	switch {
	case c.NewtonSchulz.Steps > 0:
		return c.NewtonSchulz.Steps
	case len(c.NewtonSchulz.Coefficients) > 1:
		return len(c.NewtonSchulz.Coefficients)
	}
	return 5
}

// loading measures how long the loader takes for a batch. Training has it done by another goroutine during the step
// before, so its share is of the work, and no time is waited for it while that share is small.
func (t *Train) loading(o TrainOptions) error {
	dir, err := os.MkdirTemp(o.Temp, "muonclip-bench")
	if err != nil {
		return fmt.Errorf("bench: folder for shards: %w", err)
	}
	defer os.RemoveAll(dir)
	r, err := randomShards(dir, o.Model.VocabSize, max(1<<20, 4*int64(t.TokensPerStep)), shard.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // only read
	seconds, err := timeLoader(r, o.Model.VocabSize, t.TokensPerStep/o.Cols, o.Cols, max(20, o.Steps))
	if err != nil {
		return err
	}
	t.Loading = spread(seconds)
	t.LoadingShare = t.Loading.Median / t.StepSeconds.Median
	return nil
}

// timeLoader makes one batch that is not counted and then n that are, and gives the seconds of each.
func timeLoader(r *shard.Reader, vocab, rows, cols, n int) ([]float64, error) {
	l, err := loaderOf(r, vocab, rows, cols)
	if err != nil {
		return nil, err
	}
	var b batch.Batch
	var seconds []float64
	for i := range n + 1 {
		start := time.Now()
		if err := l.At(int64(i), &b); err != nil {
			return nil, err
		}
		if i > 0 {
			seconds = append(seconds, time.Since(start).Seconds())
		}
	}
	return seconds, nil
}

// compareThreads alternates steps of all threads with steps of one.
func compareThreads(o TrainOptions, all *stepper) (*ThreadScaling, error) {
	one, err := newStepper(o, 1)
	if err != nil {
		return nil, err
	}
	var rates [2][]float64
	for round := range o.Steps + 1 {
		for i, s := range []*stepper{one, all} {
			t, err := s.step()
			if err != nil {
				return nil, err
			}
			if round > 0 {
				rates[i] = append(rates[i], float64(s.tokens())/t.total())
			}
		}
	}
	c := &ThreadScaling{One: spread(rates[0]), All: spread(rates[1])}
	c.Factor = c.All.Median / c.One.Median
	return c, nil
}
