package stage

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"muonclip/data/batch"
	"muonclip/data/token"
	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
	"muonclip/internal/lab/instrument"
	"muonclip/internal/metrics"
	"muonclip/internal/progress"
	"muonclip/internal/train"
	"muonclip/model"
)

// job is what one stage trains, on what.
type job struct {
	name string
	place
	model     *model.Model[float32]
	tokenizer *token.Tokenizer
	data      train.Batches
	val       batch.Evaluation // nil for none
	sample    func(context.Context, int64) ([]metrics.Sample, error)
	manifest  Manifest

	reset  int                                     // see train.Options.ResetEvery
	start  func(done int) error                    // called before the first step, with the steps that are done; may be nil
	fields func(row *metrics.Row) []progress.Field // what the progress line shows; nil for the fields of pretraining
}

// begin starts the manifest of a training.
func (r *Run) begin(m *model.Model[float32], be *cpu.Backend[float32], tok *token.Tokenizer, before Manifest) Manifest {
	manifest := r.describe()
	if before.Started != "" {
		manifest.Started = before.Started
	}
	manifest.describeModel(m.Config, be)
	manifest.TokenizerFingerprint = tok.Fingerprint()
	return manifest
}

// train runs the one loop for a stage, from the newest checkpoint on where there is one.
func (r *Run) train(ctx context.Context, j job, stage, stages int) (sum *Summary, err error) {
	defer compute.Guard(&err)
	j.model.Recompute = r.Config.Train.ActivationRecompute == "full"
	opt, err := r.optimizer(&j)
	if err != nil {
		return nil, err
	}
	if err := r.writeManifest(j.manifest); err != nil {
		return nil, err
	}
	options := r.trainOptions(j.model, j.tokenizer, j.manifest.PeakGflops*1e9)
	options.Sample, options.ResetEvery = j.sample, j.reset
	if every := r.Config.Train.InstrumentsEvery; every > 0 {
		c := instrument.Config{Dir: r.Dir, Every: int64(every), Model: j.model, Optimizer: opt}
		if j.val != nil {
			c.Held = j.val
		}
		if options.Probe, err = instrument.New(c); err != nil {
			return nil, DamagedError{err}
		}
	}
	var task *progress.Task
	valLoss := math.NaN()
	options.OnRow = func(row *metrics.Row) {
		if row.ValLoss != nil {
			valLoss = *row.ValLoss
		}
		if j.fields != nil {
			task.Set(row.Step, j.fields(row)...)
		} else {
			task.Set(row.Step, fields(row, valLoss)...)
		}
		if r.OnRow != nil {
			r.OnRow(row)
		}
		if row.Step%int64(max(r.Config.Train.LogEvery, 1)) == 0 {
			r.Log.Debug("step", "step", row.Step, "loss", row.Loss, "lr", row.LR, "grad_norm", row.GradNorm, "max_logit", row.LargestLogit(), "clipped_heads", row.ClippedHeads)
		}
	}
	loop, err := train.New(j.model, opt, j.data, j.val, options)
	if err != nil {
		return nil, damaged(err)
	}
	if j.start != nil {
		if err := j.start(loop.Done()); err != nil {
			return nil, err
		}
	}
	task = r.Progress.Start(progress.Spec{Name: j.name, Stage: stage, Stages: stages, Unit: "steps", Total: int64(options.Steps), Done: int64(loop.Done())})
	r.began = true
	if err := loop.Run(ctx); err != nil {
		task.Fail(failed(ctx))
		if errors.Is(err, ErrInterrupted) {
			err = fmt.Errorf("%w after step %d of %d; the same command goes on from the newest checkpoint", err, loop.Done(), options.Steps)
		}
		return nil, damaged(err)
	}
	task.Done("")
	j.manifest.Finished = time.Now().UTC().Format(time.RFC3339)
	if err := r.writeManifest(j.manifest); err != nil {
		return nil, err
	}
	return r.summary(j.manifest)
}
