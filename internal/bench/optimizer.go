package bench

import (
	"io"
	"time"

	"muonclip/model"
	"muonclip/optim"
)

// Optimizer is the update of one step taken apart. Seconds are of one step.
type Optimizer struct {
	Machine       Machine `json:"machine"`
	TokensPerStep int     `json:"tokens_per_step"`
	Matrices      int     `json:"matrices"` // that Muon moves
	MuonElements  int64   `json:"muon_elements"`
	AdamWElements int64   `json:"adamw_elements"`

	Step      Spread `json:"step_seconds"`      // a whole training step
	Update    Spread `json:"update_seconds"`    // Muon and AdamW
	Muon      Spread `json:"muon_seconds"`      // Muon alone
	AdamW     Spread `json:"adamw_seconds"`     // AdamW alone
	GradNorm  Spread `json:"grad_norm_seconds"` // the norm by which gradients are clipped, which training takes too
	Iteration Spread `json:"iteration_seconds"` // one Newton-Schulz iteration of all matrices
	Clip      Spread `json:"clip_seconds"`      // QK-Clip where no head is above the threshold
	ClipAll   Spread `json:"clip_all_seconds"`  // QK-Clip where all are

	UpdateShare  float64 `json:"update_share"` // of the median step
	ClipShare    float64 `json:"clip_share"`
	ClipAllShare float64 `json:"clip_all_share"`

	Iterations      int     `json:"iterations"`
	SymmetricGflop  float64 `json:"symmetric_gflop"`   // of Newton-Schulz as it is done: half of each symmetric product
	FullGflop       float64 `json:"full_gflop"`        // without symmetry
	IterationGflops float64 `json:"iteration_gflop_s"` // rate of the iterations, by the symmetric count
	PeakGflops      float64 `json:"peak_gflops"`
	PeakShare       float64 `json:"peak_share"` // of the iterations

	CopyGBs      float64 `json:"copy_gb_s"`     // measured bytes read and written by copies of the state's size
	BoundSeconds float64 `json:"bound_seconds"` // products at the peak and the least bytes at the rate of a copy
	BoundShare   float64 `json:"bound_share"`   // BoundSeconds / median update
}

// Least bytes of an update, float32: Muon reads weight, gradient and momentum and writes weight and momentum; AdamW has two
// moments. What passes between the parts of Muon's own work is taken to stay in the cache.
const (
	muonBytes  = 20
	adamWBytes = 28
)

// fullNewtonSchulzFLOPs is model.Config.NewtonSchulzFLOPs with all products computed in full.
func fullNewtonSchulzFLOPs(cfg model.Config, steps int) float64 {
	total := 0.0
	for _, p := range cfg.Shapes() {
		if p.Muon {
			n, m := float64(min(p.Rows, p.Cols)), float64(max(p.Rows, p.Cols))
			total += 2 * float64(steps) * (n*n*m + n*n*n + n*n*m)
		}
	}
	return total
}

// MeasureOptimizer takes the update apart. The options are those of a training step.
func MeasureOptimizer(o TrainOptions) (*Optimizer, error) {
	s, err := newStepper(o, o.Threads)
	if err != nil {
		return nil, err
	}
	times, _, err := s.steps(o.Steps) // fills the gradients, too
	if err != nil {
		return nil, err
	}
	res := &Optimizer{
		Machine: DescribeMachine(s.cpu.Kernels(), s.cpu.Threads()), TokensPerStep: len(s.in.IDs), Iterations: newtonSchulzSteps(o.Optim),
		Step: part(times, stepTimes.total),
	}
	var muon, adamw []optim.Param
	for _, p := range s.params {
		n := int64(p.Value.Shape().TotalSize())
		if p.Muon {
			muon = append(muon, p)
			res.MuonElements += n
		} else {
			adamw = append(adamw, p)
			res.AdamWElements += n
		}
	}
	res.Matrices = len(muon)
	peak := s.cpu.Peak()
	if err := res.parts(o, s, muon, adamw); err != nil {
		return nil, err
	}
	if err := res.clipping(o, s); err != nil {
		return nil, err
	}
	bytes := float64(muonBytes*res.MuonElements + adamWBytes*res.AdamWElements)
	res.bound(o.Model, max(peak, s.cpu.Peak()), bytes, copyRate(s.cpu.Threads(), max(1<<20, int(bytes)/2)))
	return res, nil
}

// parts measures the whole update, its two rules alone, and Muon with a single iteration, in turn. What a further
// iteration costs is the difference, so that memory passes and transposition are not counted as products.
func (r *Optimizer) parts(o TrainOptions, s *stepper, muon, adamw []optim.Param) error {
	single := o.Optim
	single.NewtonSchulz = optim.NewtonSchulz{Steps: 1}
	var updates []*optim.Optimizer
	for _, c := range []struct {
		params []optim.Param
		cfg    optim.Config
	}{{s.params, o.Optim}, {muon, o.Optim}, {muon, single}, {adamw, o.Optim}} {
		opt, err := optim.NewOn(s.cpu, c.params, c.cfg)
		if err != nil {
			return err
		}
		updates = append(updates, opt)
	}
	seconds := make([][]float64, len(updates))
	var norm, iteration []float64
	for round := range o.Steps + 1 {
		for i, opt := range updates {
			start := time.Now()
			opt.Step(1e-4)
			if round > 0 {
				seconds[i] = append(seconds[i], time.Since(start).Seconds())
			}
		}
		start := time.Now()
		if _, err := updates[0].ClipGradNorm(0); err != nil {
			return err
		}
		if round > 0 {
			norm = append(norm, time.Since(start).Seconds())
			if last := round - 1; r.Iterations > 1 {
				iteration = append(iteration, (seconds[1][last]-seconds[2][last])/float64(r.Iterations-1))
			} else {
				iteration = append(iteration, seconds[1][last])
			}
		}
	}
	r.Update, r.Muon, r.AdamW = spread(seconds[0]), spread(seconds[1]), spread(seconds[3])
	r.GradNorm, r.Iteration = spread(norm), spread(iteration)
	r.UpdateShare = r.Update.Median / r.Step.Median
	return nil
}

// clipping measures QK-Clip with every head below the threshold and with every head a little above it, so little
// that many rounds leave the weights as they are, nearly.
func (r *Optimizer) clipping(o TrainOptions, s *stepper) error {
	clip := optim.QKClip{Tau: 100}
	for _, c := range []struct {
		logit float64
		into  *Spread
	}{{1, &r.Clip}, {100.001, &r.ClipAll}} {
		var seconds []float64
		for range o.Steps + 1 {
			start := time.Now()
			s.logits.Reset()
			for l := range len(s.layers) {
				for h := range s.logits.Heads() {
					s.logits.Observe(l, h, c.logit)
				}
			}
			if _, err := clip.Apply(s.layers, s.logits); err != nil {
				return err
			}
			seconds = append(seconds, time.Since(start).Seconds())
		}
		*c.into = spread(seconds[1:])
	}
	r.ClipShare, r.ClipAllShare = r.Clip.Median/r.Step.Median, r.ClipAll.Median/r.Step.Median
	return nil
}

// bound compares with what the machine can do, given its rates in FLOP/s and bytes per second.
func (r *Optimizer) bound(cfg model.Config, peak, bytes, copied float64) {
	r.SymmetricGflop, r.FullGflop = cfg.NewtonSchulzFLOPs(r.Iterations)/1e9, fullNewtonSchulzFLOPs(cfg, r.Iterations)/1e9
	r.PeakGflops, r.CopyGBs = peak/1e9, copied/1e9
	r.IterationGflops = r.SymmetricGflop / float64(r.Iterations) / r.Iteration.Median
	r.PeakShare = r.IterationGflops / r.PeakGflops
	r.BoundSeconds = r.SymmetricGflop/r.PeakGflops + bytes/copied
	r.BoundShare = r.BoundSeconds / r.Update.Median
}

// Print writes the figures as a table.
func (r *Optimizer) Print(w io.Writer) error {
	tab := newTable(w)
	tab.put("machine\t%s\n", r.Machine)
	tab.put("tokens per step\t%d\n", r.TokensPerStep)
	tab.put("moved by Muon\t%d elements in %d matrices\n", r.MuonElements, r.Matrices)
	tab.put("moved by AdamW\t%d elements\n", r.AdamWElements)
	tab.put("\tmedian\tmin\tmax\tof the step\n")
	of := func(s Spread) string { return percent(s.Median / r.Step.Median) }
	tab.spread("training step", "ms", r.Step, 1e3, "")
	tab.spread("optimizer", "ms", r.Update, 1e3, of(r.Update))
	tab.spread("  Muon alone", "ms", r.Muon, 1e3, of(r.Muon))
	tab.spread("  AdamW alone", "ms", r.AdamW, 1e3, of(r.AdamW))
	tab.spread("one Newton-Schulz iteration", "ms", r.Iteration, 1e3, of(r.Iteration))
	tab.spread("QK-Clip, no head clipped", "ms", r.Clip, 1e3, of(r.Clip))
	tab.spread("QK-Clip, every head clipped", "ms", r.ClipAll, 1e3, of(r.ClipAll))
	tab.spread("norm of the gradients", "ms", r.GradNorm, 1e3, of(r.GradNorm))
	tab.put("Newton-Schulz\t%.3g GFLOP in %d iterations\t%.3g without symmetry: %s less\n", r.SymmetricGflop, r.Iterations, r.FullGflop, percent(1-r.SymmetricGflop/r.FullGflop))
	tab.put("its rate\t%.1f GFLOP/s\t%.0f %% of the measured peak of %.1f\n", r.IterationGflops, 100*r.PeakShare, r.PeakGflops)
	tab.put("bound of the optimizer\t%.4g ms\t%.0f %% of it reached: products at the peak, %s at %.1f GB/s\n", r.BoundSeconds*1e3, 100*r.BoundShare,
		bytesText(muonBytes*r.MuonElements+adamWBytes*r.AdamWElements), r.CopyGBs)
	return tab.Flush()
}
