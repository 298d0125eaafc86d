package bench

import (
	"time"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
	"muonclip/internal/compute/cuda"
	"muonclip/internal/rng"
	"muonclip/internal/train"
	"muonclip/model"
	"muonclip/optim"
)

// stepper is a model with its optimizer and one micro-batch of random tokens, ready to do training steps.
type stepper struct {
	cpu    *cpu.Backend[float32] // nil on a GPU
	gpu    *cuda.Backend         // nil on a processor
	model  *model.Model[float32]
	params []optim.Param
	opt    *optim.Optimizer
	layers []optim.Attention
	logits *optim.MaxLogits
	in     model.Input
	micro  int // micro-batches of a step
	warm   int // steps before the first that counts
}

func newStepper(o TrainOptions, threads int) (*stepper, error) {
	s := &stepper{cpu: cpu.New[float32](threads), in: randomInput(o), micro: max(1, o.MicroBatches), warm: 1}
	if err := s.prepare(o, s.cpu); err != nil {
		return nil, err
	}
	var err error
	s.opt, err = optim.NewOn(s.cpu, s.params, o.Optim)
	return s, err
}

// gpuWarm is the steps of a GPU that are not counted: the first allocates and loads kernels, the second may record what
// later ones repeat, and the third lets the clocks rise.
const gpuWarm = 3

// newGPUStepper is newStepper on a GPU.
func newGPUStepper(o TrainOptions, be *cuda.Backend) (*stepper, error) {
	s := &stepper{gpu: be, in: randomInput(o), micro: max(1, o.MicroBatches), warm: gpuWarm}
	if err := s.prepare(o, be); err != nil {
		return nil, err
	}
	var err error
	s.opt, err = optim.NewOnDevice(be, s.params, o.Optim)
	return s, err
}

// prepare makes the model.
func (s *stepper) prepare(o TrainOptions, be compute.Backend[float32]) (err error) {
	if s.model, err = model.New(o.Model, be); err != nil {
		return err
	}
	s.model.Recompute = o.Recompute
	s.model.Init(1)
	s.params = train.OptimParams(s.model)
	s.layers = train.AttentionLayers(o.Model, s.params)
	s.logits = optim.NewMaxLogits(len(s.layers), o.Model.NumAttentionHeads)
	return s.model.Check(s.in)
}

// tokens is the number of tokens of a step.
func (s *stepper) tokens() int { return s.micro * len(s.in.IDs) }

// wait waits until the GPU has done what it was asked for: a time that ends before that says nothing.
func (s *stepper) wait() {
	if s.gpu != nil {
		s.gpu.Sync()
	}
}

// stepTimes are the seconds of one step's parts.
type stepTimes struct{ gradients, update, clip float64 }

func (t stepTimes) total() float64 { return t.gradients + t.update + t.clip }

// step does one training step.
func (s *stepper) step() (stepTimes, error) {
	start := time.Now()
	s.model.Renew()
	s.model.ResetStats()
	for range s.micro {
		s.model.Step(s.in, 1/float64(s.tokens()), 1/float64(s.micro))
	}
	s.wait()
	gradients := time.Now()
	s.opt.Step(1e-3)
	s.wait()
	updated := time.Now()
	s.logits.Reset()
	for l, heads := range s.model.MaxLogits() {
		optim.ObserveLayer(s.logits, l, heads)
	}
	if _, err := s.opt.Clip(optim.QKClip{}, s.layers, s.logits); err != nil {
		return stepTimes{}, err
	}
	s.wait()
	end := time.Now()
	return stepTimes{gradients.Sub(start).Seconds(), updated.Sub(gradients).Seconds(), end.Sub(updated).Seconds()}, nil
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
