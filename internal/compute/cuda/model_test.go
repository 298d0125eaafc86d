package cuda

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"muonclip/internal/compute/cpu"
	"muonclip/internal/naive"
	"muonclip/internal/train"
	"muonclip/model"
	"muonclip/optim"
)

// small has latent attention, a dense layer, two sparse ones with shared expert and auxiliary loss.
func small() model.Config {
	return model.Config{
		VocabSize: 97, HiddenSize: 48, IntermediateSize: 64, MoeIntermediateSize: 16, NumHiddenLayers: 3, NumAttentionHeads: 4,
		NSharedExperts: 1, NRoutedExperts: 8, NumExpertsPerTok: 2, RoutedScalingFactor: 2, NormTopkProb: true, FirstKDenseReplace: 1,
		QLoraRank: 24, KVLoraRank: 16, QKNopeHeadDim: 8, QKRopeHeadDim: 8, VHeadDim: 12, AuxLossAlpha: 0.05, SeqAux: true,
		RMSNormEps: 1e-6, RopeTheta: 50000, MaxPositionEmbeddings: 128, InitializerRange: 0.05,
	}
}

func models() map[string]model.Config {
	grouped, normed := small(), small()
	grouped.KVLoraRank, grouped.HeadDim, grouped.NumKeyValueHeads, grouped.TieWordEmbeddings = 0, 10, 2, true
	normed.QKNorm = true
	return map[string]model.Config{"latent": small(), "grouped and tied": grouped, "normalised heads": normed}
}

// sequences is two sequences of three documents each; some positions have no target, and all have weights.
func sequences(cfg model.Config, rows, cols int, seed uint64) model.Input {
	in := model.Input{Rows: rows, Cols: cols}
	for b, row := range naive.RandomTokens(cfg.VocabSize, rows, cols, seed) {
		start := int32(0)
		for t, id := range row[:cols] {
			if t == 3+b || t == cols/2 {
				start = int32(t)
			}
			next := row[t+1]
			if (t+b)%5 == 4 {
				next = -1
			}
			in.IDs, in.Targets, in.DocStart = append(in.IDs, id), append(in.Targets, next), append(in.DocStart, start)
			in.Weights = append(in.Weights, 0.5+float32(t%3))
		}
	}
	return in
}

// pair makes the same model on a processor and on the fake device.
func pair(t *testing.T, cfg model.Config, o Options) (host, dev *model.Model[float32], be *Backend, f *fake) {
	t.Helper()
	be, f = emulated(t, o)
	host, err := model.New(cfg, cpu.New[float32](1))
	if err != nil {
		t.Fatal(err)
	}
	if dev, err = model.New(cfg, be); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*model.Model[float32]{host, dev} {
		m.Init(1)
		for _, bias := range m.RouterBiases() {
			for e := range bias {
				bias[e] = 0.02 * float32(math.Sin(float64(e)))
			}
		}
	}
	return host, dev, be, f
}

// distance is the largest difference over the largest magnitude.
func distance(got, want []float32) float64 {
	var size, worst float64
	for i, w := range want {
		size = max(size, math.Abs(float64(w)))
		d := math.Abs(float64(got[i]) - float64(w))
		if !(d <= worst) {
			worst = d
		}
	}
	return worst / max(size, 1e-30)
}

// compareStep runs one training step of two micro-batches on both and compares everything that comes out.
func compareStep(t *testing.T, host, dev *model.Model[float32], tolerance float64) {
	t.Helper()
	near := func(what string, got, want []float32) {
		t.Helper()
		if d := distance(got, want); !(d <= tolerance) {
			t.Errorf("%s: relative error %.1e", what, d)
		}
	}
	for _, m := range []*model.Model[float32]{host, dev} {
		m.Renew()
		m.ResetStats()
	}
	for i, rows := range []int{2, 1} {
		in := sequences(host.Config, rows, 37, uint64(8+i))
		want := slices.Clone(host.Step(in, 0.01, 0.5))
		near("losses", dev.Step(in, 0.01, 0.5), want)
	}
	near("largest logits", slices.Concat(dev.MaxLogits()...), slices.Concat(host.MaxLogits()...))
	near("auxiliary loss", []float32{float32(dev.AuxLoss())}, []float32{float32(host.AuxLoss())})
	for l, load := range dev.ExpertLoads() {
		if !slices.Equal(load, host.ExpertLoads()[l]) {
			t.Errorf("load of sparse layer %d: %v, want %v", l, load, host.ExpertLoads()[l])
		}
	}
	want := host.Params()
	dev.ReadGrads()
	for i, p := range dev.Params() {
		near("gradient of "+p.Name, p.Grad, want[i].Grad)
	}
}

// TestStep: a training step on the device is that of a processor: losses, statistics and all gradients. The memory of the
// device is locked, so this shows too that the host reads nothing without Host.
func TestStep(t *testing.T) {
	for name, cfg := range models() {
		t.Run(name, func(t *testing.T) {
			host, dev, _, _ := pair(t, cfg, Options{})
			compareStep(t, host, dev, 1e-4)
			host.Recompute, dev.Recompute = true, true
			compareStep(t, host, dev, 1e-4)
			in := sequences(cfg, 2, 21, 5)
			if d := distance(dev.Losses(in), host.Losses(in)); d > 1e-4 {
				t.Errorf("losses without gradients: relative error %.1e", d)
			}
			if d := distance(dev.Logits(in), host.Logits(in)); d > 1e-4 {
				t.Errorf("logits: relative error %.1e", d)
			}
		})
	}
}

// TestStepBF16: with operands rounded to bfloat16, losses and gradients of a model without experts are near those of float32, and
// so are the losses with experts, where a rounded state may choose another one.
func TestStepBF16(t *testing.T) {
	dense, experts := small(), small()
	dense.NRoutedExperts, dense.NSharedExperts, dense.NumExpertsPerTok, dense.AuxLossAlpha, dense.SeqAux = 0, 0, 0, 0, false
	for name, cfg := range map[string]model.Config{"dense": dense, "experts": experts} {
		t.Run(name, func(t *testing.T) {
			host, dev, _, f := pair(t, cfg, Options{Precision: BF16})
			if name == "dense" {
				compareStep(t, host, dev, 0.03)
			}
			in := sequences(cfg, 2, 37, 8)
			want := slices.Clone(host.Step(in, 0.01, 1))
			if d := distance(dev.Step(in, 0.01, 1), want); !(d < 0.01) {
				t.Errorf("losses: relative error %.1e", d)
			}
			if f.copies.read == 0 {
				t.Error("no product read a copy in bf16")
			}
			got := slices.Clone(dev.Losses(in))
			dev.Recompute = true
			if again := dev.Step(in, 0.01, 1); !slices.Equal(again, got) {
				t.Errorf("losses are %v, with recomputation %v", got, again)
			}
			started := f.started()
			for _, kernel := range []string{"attention_bf16_d64_v64", "attention_bf16_dq_d64_v64", "attention_bf16_dkv_d64_v64"} {
				if !slices.Contains(started, kernel) {
					t.Errorf("%s was not started", kernel)
				}
			}
		})
	}
}

// TestSteadyStep: steps of several micro-batches with evaluations of another length and updates between them, most of them
// replayed, give what a processor gives.
func TestSteadyStep(t *testing.T) {
	host, dev, be, f := pair(t, small(), Options{})
	a, err := optim.NewOn(cpu.New[float32](1), train.OptimParams(host), optim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := optim.NewOnDevice(be, train.OptimParams(dev), optim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	near := func(what string, got, want []float32) {
		t.Helper()
		if d := distance(got, want); !(d <= 1e-4) {
			t.Fatalf("%s: relative error %.1e", what, d)
		}
	}
	for step := range 5 {
		for _, m := range []*model.Model[float32]{host, dev} {
			m.Renew()
			m.ResetStats()
		}
		for i := range 3 {
			in := sequences(host.Config, 2, 9, uint64(10*step+i))
			want := slices.Clone(host.Step(in, 0.01, 0.5))
			near(fmt.Sprintf("losses of step %d, micro-batch %d", step, i), dev.Step(in, 0.01, 0.5), want)
		}
		if step == 3 {
			dev.ReadGrads()
			params := host.Params()
			for i, p := range dev.Params() {
				near("gradient of "+p.Name, p.Grad, params[i].Grad)
			}
		}
		for _, m := range []*model.Model[float32]{host, dev} {
			m.Balance(0.01)
		}
		near("largest logits", slices.Concat(dev.MaxLogits()...), slices.Concat(host.MaxLogits()...))
		near("auxiliary loss", []float32{float32(dev.AuxLoss())}, []float32{float32(host.AuxLoss())})
		a.Step(0.002)
		b.Step(0.002)
		in := sequences(host.Config, 1+step%2, 14, uint64(step))
		near(fmt.Sprintf("losses of the evaluation after step %d", step), dev.Losses(in), host.Losses(in))
	}
	count := 0
	for _, op := range f.started() {
		if op == "replay" {
			count++
		}
	}
	if count < 9 {
		t.Errorf("%d passes of 20 were replayed", count)
	}
}

// TestGraphsChangeNothing: training by graphs ends with the bits of training without them.
func TestGraphsChangeNothing(t *testing.T) {
	for _, precision := range []Precision{Float32, BF16} {
		t.Run(string(precision), func(t *testing.T) {
			var weights [2][]float32
			for i, blocking := range []bool{false, true} {
				be, f := emulated(t, Options{Precision: precision, Blocking: blocking})
				m, err := model.New(small(), be)
				if err != nil {
					t.Fatal(err)
				}
				m.Init(1)
				opt, err := optim.NewOnDevice(be, train.OptimParams(m), optim.Config{})
				if err != nil {
					t.Fatal(err)
				}
				for step := range 4 {
					m.Renew()
					for part := range 2 {
						m.Step(sequences(m.Config, 2, 9, uint64(10*step+part)), 0.01, 0.5)
					}
					opt.Step(0.01)
				}
				if replayed := slices.Contains(f.started(), "replay"); replayed == blocking {
					t.Errorf("graphs were used: %v", replayed)
				}
				for _, p := range m.Params() {
					weights[i] = append(weights[i], p.Value...)
				}
			}
			if !slices.Equal(weights[0], weights[1]) {
				t.Error("some weight has other bits")
			}
		})
	}
}
