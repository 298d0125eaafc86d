package model_test

import (
	"math"
	"slices"
	"testing"

	"muonclip/internal/compute"
	"muonclip/model"
)

// TestRecompute: keeping only the layers' inputs changes no bit of losses, gradients and statistics, in several
// steps, and takes a fraction of the memory.
func TestRecompute(t *testing.T) {
	for name, cfg := range variants() {
		t.Run(name+" float64", func(t *testing.T) { recompute[float64](t, cfg) })
		t.Run(name+" float32", func(t *testing.T) { recompute[float32](t, cfg) })
	}
}

func recompute[T compute.Float](t *testing.T, cfg model.Config) {
	const rows, cols = 2, 70
	cfg.NumHiddenLayers = max(cfg.NumHiddenLayers, 4)
	kept, in := fresh[T](t, cfg, 2, rows, cols)
	again, _ := fresh[T](t, cfg, 1, rows, cols)
	again.Recompute = true
	for step := range 3 {
		want := kept.Step(in, 1./(rows*cols), 1)
		got := again.Step(in, 1./(rows*cols), 1)
		equal(t, "losses", got, want)
		equal(t, "gradients", gradients(again), gradients(kept))
		equal(t, "auxiliary loss", []float64{again.AuxLoss()}, []float64{kept.AuxLoss()})
		equal(t, "largest logits", slices.Concat(again.MaxLogits()...), slices.Concat(kept.MaxLogits()...))
		if !slices.Equal(slices.Concat(again.ExpertLoads()...), slices.Concat(kept.ExpertLoads()...)) {
			t.Errorf("step %d: other expert loads", step)
		}
	}
	equal(t, "losses without gradients", again.Losses(in), kept.Losses(in))
	if again.LiveSet() >= kept.LiveSet() {
		t.Errorf("%d elements in use with recomputation, %d without", again.LiveSet(), kept.LiveSet())
	}
	if kept.LiveSet() > kept.Memory() {
		t.Errorf("%d elements in use of %d", kept.LiveSet(), kept.Memory())
	}
}

func equal[T compute.Float](t *testing.T, what string, got, want []T) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i, w := range want {
		if math.Float64bits(float64(got[i])) != math.Float64bits(float64(w)) {
			t.Fatalf("%s: number %d is %g, want %g", what, i, got[i], w)
		}
	}
}

// TestRecomputeMemory measures the preset mini: activations and their gradients with recomputation are at most
// 35 % of those without.
func TestRecomputeMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("four steps of the preset mini")
	}
	cfg := preset(t, "mini")
	for _, s := range [][2]int{{8, 256}, {2, 1024}} {
		var live [2]int
		for i := range live {
			m, in := fresh[float32](t, cfg, 2, s[0], s[1])
			m.Recompute = i == 1
			m.Step(in, 1, 1)
			live[i] = m.LiveSet()
			t.Logf("%d x %d, recompute %v: %.1f MB in use at most, %.1f MB held", s[0], s[1], m.Recompute, 4e-6*float64(live[i]), 4e-6*float64(m.Memory()))
		}
		if share := float64(live[1]) / float64(live[0]); share > 0.35 {
			t.Errorf("%d x %d: %.2f of the memory, want at most 0.35", s[0], s[1], share)
		}
	}
}
