// Package instrument measures what training steps do to a model: spectra of weights and updates, their sizes, the noise of the
// gradient, the loss along the update, the entropy of attention, and the routers' biases. It looks at every K-th step
// alone, changes nothing, and keeps what it saw in columns, in instruments.parquet of the run folder.
package instrument

import (
	"fmt"
	"strings"
	"time"

	"gorgonia.org/tensor"

	"muonclip/data/batch"
	"muonclip/model"
	"muonclip/optim"
)

// Names of what is measured. Index is a rank, a head, an expert or nothing (-1), as said.
const (
	UpdateRMS   = "update_rms"   // of a parameter: root mean square of the step's update, learning rate included, weight decay not
	WeightRMS   = "weight_rms"   // of a parameter, after the step
	UpdateRatio = "update_ratio" // of a parameter: UpdateRMS over WeightRMS

	WeightSingular   = "weight_singular"    // of a matrix: some of its singular values; index is the rank from 0
	WeightStableRank = "weight_stable_rank" // of a matrix: sum of squares of singular values over the largest square
	WeightEntropy    = "weight_entropy"     // of a matrix: entropy of the squared singular values, 0 to 1 (Moonlight, section 3.4)
	UpdateSingular   = "update_singular"    // the same of the update
	UpdateStableRank = "update_stable_rank"
	UpdateEntropy    = "update_entropy"

	LossAlong = "loss_along" // held-out loss at w + alpha * step, nats per token; index is 100 * alpha
	Sharpness = "sharpness"  // second difference of LossAlong over alpha 0, 1, 2: what the loss bends over one step

	GradientSquare = "gradient_square" // estimate of the squared norm of the true gradient
	GradientTrace  = "gradient_trace"  // estimate of the trace of the covariance of one token's gradient
	NoiseScale     = "noise_scale"     // GradientTrace over GradientSquare, in tokens (the simple noise scale of McCandlish et al., arXiv 1812.06162)

	AttentionEntropy = "attention_entropy" // of a layer; index is the head: mean entropy of a position's attention, nats
	RouterBias       = "router_bias"       // of a layer; index is the expert: e_score_correction_bias
	Seconds          = "seconds"           // what the measurement cost
)

// Config says what to measure.
type Config struct {
	Dir       string // run folder
	Every     int64  // steps between measurements
	Model     *model.Model[float32]
	Optimizer *optim.Optimizer
	Held      batch.Batches // held-out batches, of which the first is used; nil leaves out what needs them
}

// Probe is the instruments of one run. Its methods are called by the training loop: see train.Probe.
type Probe struct {
	Config
	rows    []Row
	written int // rows that are on disk
	armed   bool
	clock   time.Time

	before, after []float32 // all weights, before and after the step
	updates       []Row     // spectra of the updates, taken during the step
	err           error
	held          batch.Batch
	input         model.Input
}

// New prepares the instruments of a run and reads what it measured before.
func New(c Config) (*Probe, error) {
	p := &Probe{Config: c}
	var err error
	if p.rows, err = Read(c.Dir); err != nil {
		return nil, err
	}
	p.written = len(p.rows)
	if c.Held == nil {
		return p, nil
	}
	if err := c.Held.At(0, &p.held); err != nil {
		return nil, fmt.Errorf("instrument: held-out batch: %w", err)
	}
	b := &p.held
	p.input = model.Input{Rows: b.Rows, Cols: b.Cols, IDs: b.Inputs, Targets: b.Targets, DocStart: b.DocStart}
	return p, nil
}

// Before copies the weights where the step is one that is measured. No weight has moved yet.
func (p *Probe) Before(step int64) {
	p.armed = p.Every > 0 && step%p.Every == 0
	if !p.armed {
		return
	}
	p.clock = time.Now()
	p.before = p.copyWeights(p.before)
	p.updates, p.err = p.updates[:0], nil
	p.Optimizer.Observe(wanted, func(q optim.Param, update *tensor.Dense) {
		if p.err == nil {
			p.updates, p.err = appendSpectrum(p.updates, step, q.Name, update, UpdateSingular, UpdateStableRank, UpdateEntropy)
		}
	})
}

// After measures. The step is complete; the weights are left as they are, gradients and statistics of the model are not.
func (p *Probe) After(step int64) error {
	if !p.armed {
		return nil
	}
	p.armed = false
	rows := append([]Row(nil), p.updates...)
	err := p.err
	add := func(more []Row, failed error) {
		if err == nil {
			rows, err = append(rows, more...), failed
		}
	}
	add(p.sizes(step), nil)
	add(p.spectra(step))
	add(p.routers(step), nil)
	if p.Held != nil {
		add(p.entropy(step), nil)
		add(p.along(step), nil)
		add(p.noise(step), nil)
	}
	if err != nil {
		return fmt.Errorf("instrument: step %d: %w", step, err)
	}
	p.rows = append(p.rows, rows...)
	p.rows = append(p.rows, Row{Step: step, Name: Seconds, Layer: -1, Index: -1, Value: time.Since(p.clock).Seconds()})
	return nil
}

// Keep writes what was measured so far; a checkpoint follows.
func (p *Probe) Keep() error {
	if p.written == len(p.rows) {
		return nil
	}
	if err := write(p.Dir, p.rows); err != nil {
		return err
	}
	p.written = len(p.rows)
	return nil
}

// Drop forgets what was measured after a step: the run goes on from there and will measure it again.
func (p *Probe) Drop(step int64) error {
	kept := p.rows[:0]
	for _, r := range p.rows {
		if r.Step <= step {
			kept = append(kept, r)
		}
	}
	if len(kept) == len(p.rows) {
		return nil
	}
	p.rows, p.written = kept, -1
	return p.Keep()
}

// wanted are the matrices whose spectra are taken: those that Muon updates, and of the experts of a layer the first.
func wanted(q optim.Param) bool {
	return q.Muon && (!strings.Contains(q.Name, ".experts.") || strings.Contains(q.Name, ".experts.0."))
}

// copyWeights copies all weights that are trained, in their order.
func (p *Probe) copyWeights(dst []float32) []float32 {
	dst = dst[:0]
	for _, q := range p.Model.Params() {
		if q.Trained {
			dst = append(dst, q.Value...)
		}
	}
	return dst
}

// setWeights puts before + alpha (after - before) into the model; alpha 1 puts the very bits of after.
func (p *Probe) setWeights(alpha float32) {
	at := 0
	for _, q := range p.Model.Params() {
		if !q.Trained {
			continue
		}
		if alpha == 1 {
			at += copy(q.Value, p.after[at:])
			continue
		}
		for i := range q.Value {
			q.Value[i] = p.before[at] + alpha*(p.after[at]-p.before[at])
			at++
		}
	}
}

// layerOf is the layer that a parameter's name says, -1 for none.
func layerOf(name string) int32 {
	var l int32
	if _, err := fmt.Sscanf(name, "model.layers.%d.", &l); err != nil {
		return -1
	}
	return l
}
