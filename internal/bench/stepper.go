package bench

import (
	"time"

	"muonclip/internal/compute/cpu"
	"muonclip/internal/rng"
	"muonclip/internal/train"
	"muonclip/model"
	"muonclip/optim"
)

// stepper is a model with its optimizer and one batch of random tokens, ready to do training steps.
type stepper struct {
	be     *cpu.Backend[float32]
	model  *model.Model[float32]
	params []optim.Param
	opt    *optim.Optimizer
	layers []optim.Attention
	logits *optim.MaxLogits
	in     model.Input
}

func newStepper(o TrainOptions, threads int) (*stepper, error) {
	s := &stepper{be: cpu.New[float32](threads), in: randomInput(o)}
	var err error
	if s.model, err = model.New(o.Model, s.be); err != nil {
		return nil, err
	}
	s.model.Recompute = o.Recompute
	s.model.Init(1)
	s.params = train.OptimParams(s.model)
	if s.opt, err = optim.NewOn(s.be, s.params, o.Optim); err != nil {
		return nil, err
	}
	s.layers = train.AttentionLayers(o.Model, s.params)
	s.logits = optim.NewMaxLogits(len(s.layers), o.Model.NumAttentionHeads)
	return s, s.model.Check(s.in)
}

// stepTimes are the seconds of one step's parts.
type stepTimes struct{ gradients, update, clip float64 }

func (t stepTimes) total() float64 { return t.gradients + t.update + t.clip }

// step does one training step.
func (s *stepper) step() (stepTimes, error) {
	start := time.Now()
	s.model.Renew()
	s.model.ResetStats()
	s.model.Step(s.in, 1/float64(len(s.in.IDs)), 1)
	gradients := time.Now()
	s.opt.Step(1e-3)
	updated := time.Now()
	s.logits.Reset()
	for l, heads := range s.model.MaxLogits() {
		optim.ObserveLayer(s.logits, l, heads)
	}
	if _, err := (optim.QKClip{}).Apply(s.layers, s.logits); err != nil {
		return stepTimes{}, err
	}
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
