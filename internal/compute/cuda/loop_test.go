package cuda

import (
	"errors"
	"math"
	"strings"
	"testing"

	"muonclip/data/batch"
	"muonclip/internal/checkpoint"
	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
	"muonclip/internal/metrics"
	"muonclip/internal/rng"
	"muonclip/internal/train"
	"muonclip/model"
	"muonclip/optim"
)

// counting gives batches in which each token follows from the one before.
type counting struct{}

func (counting) At(index int64, dst *batch.Batch) error {
	const rows, cols = 4, 12
	*dst = batch.Batch{Rows: rows, Cols: cols, Docs: []batch.DocRef{{Source: "counting", Doc: index}}}
	r := rng.New(1, "counting", uint64(index))
	for range rows {
		id := r.Int32N(20)
		for range cols {
			dst.Inputs = append(dst.Inputs, id)
			id = (id + 1) % 20
			dst.Targets = append(dst.Targets, id)
		}
	}
	return nil
}

func (counting) Len() int64 { return 1 }

// loop trains in a folder, on the device where be is not nil, and returns the losses of the steps.
func loop(t *testing.T, dir string, be *Backend, steps int, before func(step int64)) ([]float64, error) {
	t.Helper()
	var m *model.Model[float32]
	var opt *optim.Optimizer
	var err error
	host := cpu.New[float32](1)
	if be == nil {
		if m, err = model.New(small(), host); err == nil {
			opt, err = optim.NewOn(host, train.OptimParams(m), optim.Config{WeightDecay: 0.1})
		}
	} else if m, err = model.New(small(), be); err == nil {
		opt, err = optim.NewOnDevice(be, train.OptimParams(m), optim.Config{WeightDecay: 0.1})
	}
	if err != nil {
		t.Fatal(err)
	}
	m.Init(3)
	var losses []float64
	l, err := train.New(m, opt, counting{}, counting{}, train.Options{
		Dir: dir, Steps: steps, MicroBatch: 2, GradClip: 1, BiasRate: 1e-3, CheckpointEvery: 2, QKClip: &optim.QKClip{Tau: 0.02},
		Schedule: optim.Schedule{Kind: optim.Constant, Peak: 0.01, Steps: 6},
		OnRow: func(r *metrics.Row) {
			losses = append(losses, r.Loss)
			if before != nil {
				before(r.Step + 1)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return losses, l.Run(t.Context())
}

// TestResumeElsewhere: a run that moves from the device to a processor and back goes on from its checkpoints, along the
// losses of a run that stayed.
func TestResumeElsewhere(t *testing.T) {
	resumeElsewhere(t, func() *Backend {
		be, _ := emulated(t, Options{})
		return be
	})
}

func resumeElsewhere(t *testing.T, open func() *Backend) {
	t.Helper()
	want, err := loop(t, t.TempDir(), nil, 6, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var got []float64
	for i, on := range []bool{true, false, true} {
		var be *Backend
		if on {
			be = open()
		}
		losses, err := loop(t, dir, be, 2*(i+1), nil)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, losses...)
	}
	if len(got) != len(want) {
		t.Fatalf("%d steps, want %d", len(got), len(want))
	}
	for i, w := range want {
		if math.Abs(got[i]-w) > 1e-4*w {
			t.Errorf("loss of step %d is %g, want %g", i+1, got[i], w)
		}
	}
}

// TestDeviceLost: when the device is lost in a step, the run ends with an error that says what to do, and the newest
// checkpoint is whole.
func TestDeviceLost(t *testing.T) {
	dir := t.TempDir()
	be, f := emulated(t, Options{})
	_, err := loop(t, dir, be, 6, func(step int64) {
		if step == 4 {
			f.failing["replay"] = 719
		}
	})
	if !errors.Is(err, ErrDeviceLost) || !strings.Contains(err.Error(), "the same command goes on") || !strings.Contains(err.Error(), "run a graph") {
		t.Fatalf("the run ended with: %v", err)
	}
	var again error
	func() {
		defer compute.Guard(&again)
		be.Sync()
	}()
	if !errors.Is(again, ErrDeviceLost) {
		t.Errorf("a lost device was used again: %v", again)
	}
	c, damage, err := checkpoint.Latest(dir)
	if err != nil || len(damage) > 0 || c.State.Step != 2 {
		t.Errorf("newest checkpoint: %v, %v, %+v", err, damage, c)
	}
}
