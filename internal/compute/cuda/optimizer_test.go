package cuda

import (
	"math"
	"testing"

	"muonclip/internal/compute/cpu"
	"muonclip/internal/train"
	"muonclip/model"
	"muonclip/optim"
)

// TestOptimizer: two whole steps with clipping, MuonClip and AdamW on the device give the weights, moments and statistics
// of a processor. The first step of AdamW moves a weight by the sign of its gradient, however small that is, so its weights
// are less alike.
func TestOptimizer(t *testing.T) {
	for name, o := range map[string]struct {
		cfg   optim.Config
		model model.Config
	}{
		"muon":                 {optim.Config{WeightDecay: 0.1}, small()},
		"by heads":             {optim.Config{WeightDecay: 0.1, Blocks: train.HeadBlocks(small())}, small()},
		"printed algorithm":    {optim.Config{PlainMomentum: true, AdamWRatio: 0.5}, models()["grouped and tied"]},
		"plain muon":           {optim.Config{Rule: optim.PlainMuon, NewtonSchulz: optim.NewtonSchulz{Set: "polar-express"}}, small()},
		"adamw for everything": {optim.Config{Rule: optim.AdamW}, small()},
	} {
		t.Run(name, func(t *testing.T) {
			host, dev, be, _ := pair(t, o.model, Options{})
			a, err := optim.NewOn(cpu.New[float32](1), train.OptimParams(host), o.cfg)
			if err != nil {
				t.Fatal(err)
			}
			b, err := optim.NewOnDevice(be, train.OptimParams(dev), o.cfg)
			if err != nil {
				t.Fatal(err)
			}
			tolerance := 1e-4
			if o.cfg.Rule == optim.AdamW {
				tolerance = 1e-3
			}
			for range 2 {
				compareStep(t, host, dev, tolerance)
				compareUpdate(t, host, dev, a, b, tolerance)
			}
			states := b.State()
			for i, s := range a.State().Tensors {
				if d := states.Tensors[i]; d.Name != s.Name || !(distance(d.Value.Float32s(), s.Value.Float32s()) < tolerance) {
					t.Errorf("state %s: relative error %.1e", d.Name, distance(d.Value.Float32s(), s.Value.Float32s()))
				}
			}
		})
	}
}

// compareUpdate clips and updates both, with a threshold that half of the heads exceed.
func compareUpdate(t *testing.T, host, dev *model.Model[float32], a, b *optim.Optimizer, tolerance float64) {
	t.Helper()
	close := func(what string, got, want float64) {
		t.Helper()
		if !(math.Abs(got-want) <= tolerance*math.Abs(want)) {
			t.Errorf("%s is %g, want %g", what, got, want)
		}
	}
	wantNorm, err := a.ClipGradNorm(0.01)
	if err != nil {
		t.Fatal(err)
	}
	norm, err := b.ClipGradNorm(0.01)
	if err != nil {
		t.Fatal(err)
	}
	close("gradient norm", norm, wantNorm)
	want, got := a.Step(0.02), b.Step(0.02)
	for kind, rms := range want.UpdateRMS {
		close("update of "+kind, got.UpdateRMS[kind], rms)
	}
	heads := host.Config.NumAttentionHeads
	logits := optim.NewMaxLogits(host.Config.NumHiddenLayers, heads)
	for l, row := range host.MaxLogits() { // of the host for both, so that both clip the same
		optim.ObserveLayer(logits, l, row)
	}
	clip := optim.QKClip{Tau: logits.Max() / 2}
	wantEvents, err := a.Clip(clip, train.AttentionLayers(host.Config, a.Params()), logits)
	if err != nil {
		t.Fatal(err)
	}
	events, err := b.Clip(clip, train.AttentionLayers(dev.Config, b.Params()), logits)
	if err != nil {
		t.Fatal(err)
	}
	if len(events) == 0 || len(events) != len(wantEvents) {
		t.Errorf("%d heads were clipped, want %d and more than none", len(events), len(wantEvents))
	}
	params := host.Params()
	for i, p := range dev.Params() {
		if d := distance(p.Value, params[i].Value); !(d <= tolerance) {
			t.Errorf("%s after the update: relative error %.1e", p.Name, d)
		}
	}
	for i, s := range b.ParamStats(nil) {
		close("weights of "+s.Name, s.WeightRMS, a.ParamStats(nil)[i].WeightRMS)
	}
}
