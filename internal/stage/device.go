package stage

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
	"muonclip/internal/compute/cuda"
	"muonclip/internal/plan"
	"muonclip/internal/train"
	"muonclip/model"
	"muonclip/optim"
)

// place is where a model lies.
type place struct {
	Backend *cpu.Backend[float32] // which there always is
	Device  *cuda.Backend         // the GPU that the model lies on, nil for the processor
}

// Place is the backend that the model lies on.
func (p *place) Place() compute.Backend[float32] {
	if p.Device != nil {
		return p.Device
	}
	return p.Backend
}

// Close gives the GPU back, where there is one.
func (p *place) Close() error {
	if p.Device == nil {
		return nil
	}
	return p.Device.Close()
}

// openGPU opens the GPU that a setting like train.device asks for. Without one it is nil, and work is done by the processor.
func openGPU(device string, o cuda.Options, log *slog.Logger) (*cuda.Backend, error) {
	if device != "cuda" && device != "auto" {
		return nil, nil
	}
	be, err := cuda.Open(o)
	if err != nil && device == "auto" {
		log.Info("work is done by the processor", "reason", err)
		return nil, nil
	}
	if err != nil {
		return nil, UsageError{err}
	}
	d := be.Device()
	log.Info("work is done by a GPU", "name", d.Name, "memory_gib", float64(d.Memory)/(1<<30), "cuda", d.Driver, "cublas", d.BLAS, "precision", be.Precision())
	return be, nil
}

// accelerator opens the GPU that the configuration wants to train on, if any.
func (r *Run) accelerator(g plan.Generation) (*cuda.Backend, error) {
	be, err := openGPU(r.Config.Train.Device, plan.GPUOptions(r.Config), r.Log)
	if be == nil {
		return nil, err
	}
	if err := plan.FitsGPU(r.Config, OptimConfig(r.Config), g, be.MemoryLimit()); err != nil {
		return nil, errors.Join(UsageError{err}, be.Close())
	}
	return be, nil
}

// moved is a model with the same weights on a GPU, made by New or NewFrozen of package model.
func moved(m *model.Model[float32], be *cuda.Backend, build func(model.Config, compute.Backend[float32]) (*model.Model[float32], error)) (there *model.Model[float32], err error) {
	defer compute.Guard(&err)
	if there, err = build(m.Config, be); err != nil {
		return nil, err
	}
	for _, p := range m.Params() {
		be.Upload(there.Operand(p.Name, 0), p.Value)
	}
	return there, nil
}

// Move moves a model that is not to be trained to the GPU that device asks for. Where that is empty it is the one that the model's
// run trains on, if there is one here. The caller closes it.
func (t *Trained) Move(device string, log *slog.Logger) (err error) {
	switch {
	case device == "" && t.Config.Train.Device == "cuda":
		device = "auto"
	case device == "":
		device = t.Config.Train.Device
	case !slices.Contains(devices, device):
		return UsageError{fmt.Errorf("--device is %q, want one of %s", device, strings.Join(devices, ", "))}
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if t.Device, err = openGPU(device, plan.GPUOptions(t.Config), log); t.Device == nil {
		return err
	}
	there, err := moved(t.Model, t.Device, model.NewFrozen)
	if err != nil {
		return errors.Join(err, t.Close())
	}
	t.Model = there
	return nil
}

// devices is what a model can be moved to.
var devices = []string{"cpu", "cuda", "auto"}

// optimizer makes the optimizer of a job, where its model lies.
func (r *Run) optimizer(j *job) (*optim.Optimizer, error) {
	if j.Device != nil {
		return optim.NewOnDevice(j.Device, train.OptimParams(j.model), OptimConfig(r.Config))
	}
	return NewOptimizer(j.Backend, j.model, r.Config)
}

// generation is what a job generates beside training.
func (r *Run) generation(j *job) plan.Generation {
	most := j.model.Config.MaxPositionEmbeddings
	if j.name == "rl" {
		return plan.Generation{Sequences: r.Config.RL.MaxBatch, Tokens: cmp.Or(r.Config.RL.MaxLength, most)}
	}
	g := plan.Generation{Sequences: len(r.Config.Train.SamplePrompts), Tokens: most}
	if n := r.Config.Generate.MaxTokens; n > 0 {
		longest := 0
		for _, p := range r.Config.Train.SamplePrompts {
			longest = max(longest, len(EncodePrompt(j.tokenizer, p)))
		}
		g.Tokens = min(most, longest+n)
	}
	return g
}

// use moves a job to the GPU that the configuration asks for. Where there is one, the caller closes it.
func (r *Run) use(j *job) (err error) {
	if j.Device, err = r.accelerator(r.generation(j)); err != nil || j.Device == nil {
		return err
	}
	if j.model, err = moved(j.model, j.Device, model.New); err != nil {
		return errors.Join(err, j.Device.Close())
	}
	j.manifest.Device, j.manifest.PeakGflops = j.Device.Device().Name, j.Device.Peak()/1e9
	return nil
}
