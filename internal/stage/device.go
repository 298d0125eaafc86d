package stage

import (
	"errors"

	"muonclip/internal/compute/cuda"
	"muonclip/internal/plan"
	"muonclip/internal/train"
	"muonclip/model"
	"muonclip/optim"
)

// accelerator opens the GPU that the configuration asks for. Without one it is nil, and work is done by the processor.
func (r *Run) accelerator() (*cuda.Backend, error) {
	t := r.Config.Train
	if t.Device != "cuda" && t.Device != "auto" {
		return nil, nil
	}
	be, err := cuda.Open(plan.GPUOptions(r.Config))
	if err != nil && t.Device == "auto" {
		r.Log.Info("training on the processor", "reason", err)
		return nil, nil
	}
	if err != nil {
		return nil, UsageError{err}
	}
	d := be.Device()
	r.Log.Info("training on a GPU", "name", d.Name, "memory_gib", float64(d.Memory)/(1<<30), "cuda", d.Driver, "cublas", d.BLAS, "precision", be.Precision())
	if err := plan.FitsGPU(r.Config, OptimConfig(r.Config), be.MemoryLimit()); err != nil {
		return nil, errors.Join(UsageError{err}, be.Close())
	}
	return be, nil
}

// moved is a model with the same weights on a GPU.
func moved(m *model.Model[float32], be *cuda.Backend) (*model.Model[float32], error) {
	there, err := model.New(m.Config, be)
	if err != nil {
		return nil, err
	}
	from := m.Params()
	for i, p := range there.Params() {
		copy(p.Value, from[i].Value)
	}
	return there, nil
}

// optimizer makes the optimizer of a job, where its model lies.
func (r *Run) optimizer(j *job) (*optim.Optimizer, error) {
	if j.device != nil {
		return optim.NewOnDevice(j.device, train.OptimParams(j.model), OptimConfig(r.Config))
	}
	return NewOptimizer(j.backend, j.model, r.Config)
}

// use moves a job to the GPU that the configuration asks for. Where there is one, the caller closes it.
func (r *Run) use(j *job) (err error) {
	if j.device, err = r.accelerator(); err != nil || j.device == nil {
		return err
	}
	if j.model, err = moved(j.model, j.device); err != nil {
		return errors.Join(err, j.device.Close())
	}
	j.manifest.Device, j.manifest.PeakGflops = j.device.Device().Name, j.device.Peak()/1e9
	return nil
}

// leave gives the job's GPU back.
func (j *job) leave() error {
	if j.device == nil {
		return nil
	}
	return j.device.Close()
}
