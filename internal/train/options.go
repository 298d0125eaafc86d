package train

import (
	"context"
	"log/slog"

	"muonclip/data/batch"
	"muonclip/internal/metrics"
	"muonclip/optim"
)

// Batches gives the batches of a run by number; equal numbers give equal batches.
type Batches interface {
	At(index int64, dst *batch.Batch) error
}

// Options says how to train. Zero durations ("every" fields) mean only at the end.
type Options struct {
	Dir   string // run folder
	Steps int    // optimizer steps in all, those before a resume included

	MicroBatch int            // sequences of one forward pass; 0 means all of a batch
	Schedule   optim.Schedule // learning rate of a step
	GradClip   float64        // largest gradient norm; 0 means no clipping
	QKClip     *optim.QKClip  // nil turns QK-Clip off
	BiasRate   float64        // step of the routers' correction biases; 0 leaves them alone
	Spike      Spike
	ResetEvery int // steps after which the optimizer forgets its momentum; 0 never

	CheckpointEvery     int
	KeepLast, KeepEvery int // see checkpoint.Prune
	EvalEvery           int
	SampleEvery         int

	ConfigFingerprint    string // of what determines the weights; a checkpoint of another one is refused
	TokenizerFingerprint string
	PeakFlops            float64 // measured matrix product rate in FLOP/s, for the share of peak; 0 for unknown
	FlopsPerToken        float64 // of forward and backward pass

	// Sample generates texts after SampleEvery steps and at the end; nil generates none.
	Sample func(ctx context.Context, step int64) ([]metrics.Sample, error)
	// Probe measures some of the steps; nil for none.
	Probe Probe
	// OnRow sees every finished step, OnEvent everything unusual; nil ignores them.
	OnRow   func(*metrics.Row)
	OnEvent func(metrics.Event)
	Log     *slog.Logger // nil discards
}

// Spike says when a loss or a gradient norm is out of the ordinary and what is done about it.
type Spike struct {
	Action string  // report, skip or rollback of package metrics; empty turns the watch off
	Window int     // steps that make up the ordinary; required where Action is set
	ZLoss  float64 // standard deviations above the mean; 0 does not watch the loss
	ZGrad  float64 // the same for the gradient norm
}
