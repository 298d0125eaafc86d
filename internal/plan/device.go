package plan

import (
	"errors"
	"fmt"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cuda"
	"muonclip/internal/config"
	"muonclip/internal/train"
	"muonclip/model"
	"muonclip/model/generate"
	"muonclip/optim"
)

// GPUOptions says how a configuration uses a GPU. What is not said is bf16.
func GPUOptions(c config.Config) cuda.Options {
	if c.Train.Precision == "float32" {
		return cuda.Options{Precision: cuda.Float32}
	}
	return cuda.Options{Precision: cuda.BF16}
}

// Generation is what is generated beside training, at most: so many sequences at a time, each of so many tokens.
type Generation struct{ Sequences, Tokens int }

// read reads as many tokens as there may be, for the memory that this takes.
func (g Generation) read(m *model.Model[float32], be *cuda.Backend) error {
	if g.Sequences == 0 {
		return nil
	}
	e := generate.New(m, be)
	seqs, ids := make([]*generate.Sequence[float32], g.Sequences), make([][]int32, g.Sequences)
	for i := range seqs {
		seqs[i], ids[i] = e.NewSequence(), make([]int32, g.Tokens)
	}
	return e.Read(seqs, ids...)
}

// OnGPU is the memory that training takes on one GPU with rows sequences in a micro-batch: it runs a step on a backend that
// hands out memory as the real one does and computes nothing. What the driver and cuBLAS take is not in it.
func OnGPU(c config.Config, o optim.Config, rows int, g Generation) (bytes int64, err error) {
	defer compute.Guard(&err)
	be, err := cuda.Dry(GPUOptions(c))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, be.Close()) }()
	m, err := model.New(c.Model, be)
	if err != nil {
		return 0, err
	}
	m.Recompute = c.Train.ActivationRecompute == "full"
	n := rows * c.Train.SeqLen
	in := model.Input{Rows: rows, Cols: c.Train.SeqLen, IDs: make([]int32, n), Targets: make([]int32, n), DocStart: make([]int32, n)}
	if n > 1 { // of dialogues, not all positions have a target
		in.Targets[0] = -1
	}
	m.Step(in, 1, 1)
	opt, err := optim.NewOnDevice(be, train.OptimParams(m), o)
	if err != nil {
		return 0, err
	}
	opt.GradNorm()
	opt.Step(0)
	if err := g.read(m, be); err != nil {
		return 0, err
	}
	return be.MemoryUsed(), nil
}

// FitsGPU returns an error that names the largest micro-batch that fits, where that of the configuration does not.
func FitsGPU(c config.Config, o optim.Config, g Generation, limit int64) error {
	rows := c.Train.MicroBatch()
	need, err := OnGPU(c, o, rows, g)
	if err != nil || need <= limit {
		return err
	}
	advice := "set train.activation_recompute=full, a shorter train.seq_len or a smaller model"
	for _, n := range divisorsBelow(c.Train.BatchSize, rows) {
		if less, err := OnGPU(c, o, n, g); err == nil && less <= limit {
			advice = fmt.Sprintf("set train.micro_batch_size=%d, the largest that does", n)
			break
		}
	}
	return fmt.Errorf("a step with micro-batches of %d sequences takes %.2f GiB of the GPU's memory and %.2f are free: %s",
		rows, float64(need)/gib, float64(limit)/gib, advice)
}

// divisorsBelow lists the divisors of n below limit, the largest first.
func divisorsBelow(n, limit int) []int {
	var out []int
	for d := min(limit, n+1) - 1; d > 0; d-- {
		if n%d == 0 {
			out = append(out, d)
		}
	}
	return out
}
