package model_test

import (
	"math"
	"testing"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
	"muonclip/internal/naive"
	"muonclip/internal/naive/golden"
	"muonclip/model"
)

// build returns a model on the processor with the given weights.
func build[T compute.Float](t *testing.T, cfg model.Config, threads int, w map[string][]float64) *model.Model[T] {
	t.Helper()
	m, err := model.New(cfg, cpu.New[T](threads))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range m.Params() {
		if len(w[p.Name]) != len(p.Value) {
			t.Fatalf("%s has %d elements, want %d", p.Name, len(w[p.Name]), len(p.Value))
		}
		for i, v := range w[p.Name] {
			p.Value[i] = T(v)
		}
	}
	return m
}

// input turns rows of T+1 ids into inputs and targets.
func input(ids, docStart [][]int32) model.Input {
	in := model.Input{Rows: len(ids), Cols: len(ids[0]) - 1}
	for b, row := range ids {
		in.IDs = append(in.IDs, row[:in.Cols]...)
		in.Targets = append(in.Targets, row[1:]...)
		if docStart != nil {
			in.DocStart = append(in.DocStart, docStart[b]...)
		}
	}
	return in
}

// wide flattens rows of numbers to float64.
func wide[T float32 | float64 | int | int32](rows ...[]T) []float64 {
	var out []float64
	for _, row := range rows {
		for _, v := range row {
			out = append(out, float64(v))
		}
	}
	return out
}

func sum(x []float64) float64 {
	var s float64
	for _, v := range x {
		s += v
	}
	return s
}

// relativeError is |a-b| / |b| in the Euclidean norm.
func relativeError(a, b []float64) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	var diff, norm float64
	for i := range a {
		diff += (a[i] - b[i]) * (a[i] - b[i])
		norm += b[i] * b[i]
	}
	if diff == 0 {
		return 0
	}
	return math.Sqrt(diff / norm)
}

func near(t *testing.T, what string, got, want []float64, tolerance float64) float64 {
	t.Helper()
	err := relativeError(got, want)
	if !(err <= tolerance) {
		t.Errorf("%s: relative error %.2e over %d values, want at most %.0e", what, err, len(want), tolerance)
	}
	return err
}

// TestGolden compares every output and every gradient with the PyTorch reference, which computes in
// float32: its own rounding is what the float64 run sees.
func TestGolden(t *testing.T) {
	cases, err := golden.Cases()
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) < 4 {
		t.Fatalf("%d golden cases, want at least 4", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Name+" float32", func(t *testing.T) { testGolden[float32](t, c, 2e-5) })
		t.Run(c.Name+" float64", func(t *testing.T) { testGolden[float64](t, c, 1e-5) })
	}
}

func testGolden[T compute.Float](t *testing.T, c golden.Case, tolerance float64) {
	m := build[T](t, c.Config, 2, c.Weights)
	in := input(c.IDs, nil)
	if err := m.Check(in); err != nil {
		t.Fatal(err)
	}
	worst := near(t, "logits", wide(m.Logits(in)), c.Logits, tolerance)
	m.ResetStats()
	n := float64(len(in.Targets))
	loss := sum(wide(m.Step(in, 1/n, 1))) / n
	worst = max(worst, near(t, "loss", []float64{loss}, []float64{c.Loss}, tolerance))
	worst = max(worst, near(t, "max logits", wide(m.MaxLogits()...), c.MaxLogit, tolerance))
	near(t, "expert load", wide(m.ExpertLoads()...), c.ExpertLoad, 0)
	seen := 0
	for _, p := range m.Params() {
		if p.Trained {
			seen++
			worst = max(worst, near(t, "gradient of "+p.Name, wide(p.Grad), c.Grads[p.Name], tolerance))
		}
	}
	if seen != len(c.Grads) {
		t.Errorf("%d gradients, the reference has %d", seen, len(c.Grads))
	}
	losses := m.Losses(in)
	near(t, "loss without gradients", []float64{sum(wide(losses)) / n}, []float64{loss}, 1e-6)
	t.Logf("worst error %.1e", worst)
}

// tiny has latent attention, a dense layer, two sparse ones and a shared expert.
func tiny() model.Config {
	return model.Config{
		VocabSize: 97, HiddenSize: 48, IntermediateSize: 64, MoeIntermediateSize: 16, NumHiddenLayers: 3, NumAttentionHeads: 4,
		NSharedExperts: 1, NRoutedExperts: 8, NumExpertsPerTok: 2, RoutedScalingFactor: 2, NormTopkProb: true, FirstKDenseReplace: 1,
		QLoraRank: 24, KVLoraRank: 16, QKNopeHeadDim: 8, QKRopeHeadDim: 8, VHeadDim: 12,
		RMSNormEps: 1e-6, RopeTheta: 50000, MaxPositionEmbeddings: 128, InitializerRange: 0.05,
	}
}

// variants are tiny models that differ in attention, experts, head and auxiliary loss.
func variants() map[string]model.Config {
	latent, grouped, multi, raw := tiny(), tiny(), tiny(), tiny()
	latent.AuxLossAlpha, latent.SeqAux = 0.05, true
	latent.RopeScaling = &model.RopeScaling{Factor: 8, OriginalMaxPositionEmbeddings: 16, MscaleAllDim: 1}
	grouped.KVLoraRank, grouped.HeadDim, grouped.NumKeyValueHeads, grouped.TieWordEmbeddings = 0, 10, 2, true
	multi.KVLoraRank, multi.HeadDim, multi.NumKeyValueHeads, multi.NRoutedExperts = 0, 6, 1, 0
	raw.QLoraRank, raw.NormTopkProb, raw.NSharedExperts, raw.FirstKDenseReplace, raw.NumExpertsPerTok = 0, false, 0, 0, 1
	raw.AuxLossAlpha, raw.SeqAux = 0.3, true
	normed, normedGroups := latent, grouped
	normed.QKNorm, normedGroups.QKNorm = true, true
	return map[string]model.Config{
		"latent": latent, "grouped tied": grouped, "multi-query dense": multi, "raw experts": raw,
		"latent, normalised heads": normed, "grouped, normalised heads": normedGroups,
	}
}

// documents gives two rows of cols positions documents of different lengths, with edges around 64.
func documents(rows, cols int) [][]int32 {
	starts := make([][]int32, rows)
	for b := range starts {
		start := int32(0)
		for t := range cols {
			if t == 3+b || t == 63 || t == 64+b || t == 66 {
				start = int32(t)
			}
			starts[b] = append(starts[b], start)
		}
	}
	return starts
}

// TestAgainstPlainLoops compares sequences longer than a block of queries with the naive forward pass.
func TestAgainstPlainLoops(t *testing.T) {
	const rows, cols = 2, 70
	for name, cfg := range variants() {
		w := naive.RandomWeights(naive.Params(cfg), 3)
		ids := naive.RandomTokens(cfg.VocabSize, rows, cols, 4)
		ids[1][cols], ids[0][9] = 0, 5
		for _, docs := range [][][]int32{nil, documents(rows, cols)} {
			want, err := naive.Forward(cfg, w, ids, docs)
			if err != nil {
				t.Fatal(err)
			}
			m, in := build[float64](t, cfg, 2, w), input(ids, docs)
			const tolerance = 1e-13
			what := name
			if docs != nil {
				what += " with documents"
			}
			near(t, what+": logits", m.Logits(in), want.Logits, tolerance)
			m.ResetStats()
			ce := sum(m.Step(in, 1, 1)) / (rows * cols)
			near(t, what+": cross-entropy", []float64{ce}, []float64{want.CrossEntropy}, tolerance)
			near(t, what+": auxiliary loss", []float64{m.AuxLoss()}, []float64{want.AuxLoss}, tolerance)
			near(t, what+": max logits", wide(m.MaxLogits()...), wide(want.MaxLogit...), tolerance)
			near(t, what+": expert load", wide(m.ExpertLoads()...), wide(want.ExpertLoad...), 0)
		}
	}
}
