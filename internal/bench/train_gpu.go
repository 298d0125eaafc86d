package bench

import (
	"errors"
	"fmt"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cuda"
	"muonclip/internal/config"
	"muonclip/internal/plan"
)

// GPUFigures is what is measured on a GPU alone. All memory is in bytes.
type GPUFigures struct {
	MicroBatches int     `json:"micro_batches"`
	Precision    string  `json:"precision"`
	CopyGBPerS   float64 `json:"copy_gb_per_second"` // read and written together
	Predicted    int64   `json:"memory_predicted"`   // by internal/plan
	Allocated    int64   `json:"memory_allocated"`   // by the backend
	Before       int64   `json:"memory_before"`      // taken before the model was made, by the driver's word: context, kernels, cuBLAS, other programs
	Occupied     int64   `json:"memory_occupied"`    // taken after the steps, by the driver's word
	Share        float64 `json:"memory_share"`       // Occupied over Predicted

	Profile *StepProfile `json:"profile,omitempty"` // nil unless asked for
}

// measureTrainGPU is MeasureTrain on a GPU. Every time ends when the GPU is done.
func measureTrainGPU(o TrainOptions) (res *Train, err error) {
	defer compute.Guard(&err)
	if o.CompareThreads {
		return nil, errors.New("bench: threads can be compared on the processor only")
	}
	fig := &GPUFigures{MicroBatches: max(1, o.MicroBatches)}
	if fig.Predicted, err = plan.OnGPU(planned(o), o.Optim, o.Rows, plan.Generation{}); err != nil {
		return nil, err
	}
	be, err := OpenGPU(*o.GPU)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, be.Close()) }()
	fig.Precision, fig.Before = string(be.Precision()), be.Occupied()
	peak := max(be.Peak(), be.Peak())
	fig.CopyGBPerS = be.ReadRate(1<<30) / 1e9
	s, err := newGPUStepper(o, be)
	if err != nil {
		return nil, err
	}
	res = &Train{Machine: describeGPU(be), Kernels: "cuda", GPU: fig}
	if err := res.measure(s, o.Steps); err != nil {
		return nil, err
	}
	fig.Allocated, fig.Occupied = be.MemoryUsed(), be.Occupied()
	fig.Share = float64(fig.Occupied) / float64(fig.Predicted)
	res.rates(o, peak/1e9)
	return res, res.loading(o)
}

// OpenGPU and OpenProfiled open the GPU that is measured. Tests replace them.
var (
	OpenGPU      = cuda.Open
	OpenProfiled = cuda.OpenProfiled
)

// planned is the configuration of a step, for the count of its memory.
func planned(o TrainOptions) config.Config {
	c := config.Config{Model: o.Model}
	c.Train.SeqLen, c.Train.BatchSize, c.Train.MicroBatchSize, c.Train.Precision = o.Cols, o.Rows, o.Rows, string(o.GPU.Precision)
	if o.Recompute {
		c.Train.ActivationRecompute = "full"
	}
	return c
}

// describeGPU describes the machine with its GPU.
func describeGPU(be *cuda.Backend) Machine {
	m := DescribeMachine("", 0)
	d := be.Device()
	m.GPU = fmt.Sprintf("%s, %d multiprocessors, CUDA %d.%d, cuBLAS %s, %s", d.Name, d.Processors, d.Driver/1000, d.Driver%1000/10, d.BLAS, be.Precision())
	return m
}

// rows are the lines of the table about the GPU.
func (g *GPUFigures) rows(put func(format string, args ...any)) {
	put("micro-batches of a step\t%d\n", g.MicroBatches)
	put("copies\t%.0f GB/s\n", g.CopyGBPerS)
	put("memory predicted\t%s\n", bytesText(g.Predicted))
	put("memory allocated\t%s\t%s of what was predicted\n", bytesText(g.Allocated), percent(float64(g.Allocated)/float64(g.Predicted)))
	put("memory occupied\t%s\t%s of what was predicted; %s before the model was made\n", bytesText(g.Occupied), percent(g.Share), bytesText(g.Before))
}
