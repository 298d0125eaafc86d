package cuda_test

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"muonclip/internal/bench"
	"muonclip/internal/compute/cuda"
	"muonclip/model"
)

// idleStep is a training step on a GPU that computes nothing.
func idleStep(t *testing.T) bench.TrainOptions {
	t.Helper()
	bench.OpenProfiled = func(o cuda.Options) (*cuda.Backend, *cuda.Profile, error) { return cuda.Idle(t, o) }
	bench.OpenGPU = func(o cuda.Options) (*cuda.Backend, error) {
		b, _, err := cuda.Idle(t, o)
		return b, err
	}
	t.Cleanup(func() { bench.OpenGPU, bench.OpenProfiled = cuda.Open, cuda.OpenProfiled })
	return bench.TrainOptions{
		Model: model.Config{
			VocabSize: 256, HiddenSize: 64, IntermediateSize: 96, MoeIntermediateSize: 32, NumHiddenLayers: 2, NumAttentionHeads: 4,
			NSharedExperts: 1, NRoutedExperts: 8, NumExpertsPerTok: 2, RoutedScalingFactor: 2, NormTopkProb: true, FirstKDenseReplace: 1,
			QLoraRank: 24, KVLoraRank: 16, QKNopeHeadDim: 8, QKRopeHeadDim: 8, VHeadDim: 16,
			RMSNormEps: 1e-6, RopeTheta: 50000, MaxPositionEmbeddings: 128, InitializerRange: 0.02,
		},
		Rows: 2, Cols: 16, Steps: 2, MicroBatches: 3, GPU: &cuda.Options{Precision: cuda.BF16}, Profile: true, Temp: t.TempDir(),
	}
}

// TestBenchTrain: all figures are there, and what is allocated is what was predicted.
func TestBenchTrain(t *testing.T) {
	o := idleStep(t)
	res, err := bench.MeasureTrain(o)
	if err != nil {
		t.Fatal(err)
	}
	wantTable(t, res, "fake, 3 multiprocessors", "bf16", "micro-batches of a step", "memory predicted", "memory allocated", "memory occupied", "QK-Clip", "ms of a step", "product")
	if !slices.ContainsFunc(res.GPU.Profile.Rows, func(r cuda.ProfileRow) bool { return r.Name == "route" }) {
		t.Error("the profile has no router")
	}
	if res.TokensPerStep != 96 || res.GPU.MicroBatches != 3 {
		t.Errorf("%d tokens in %d micro-batches, want 96 in 3", res.TokensPerStep, res.GPU.MicroBatches)
	}
	if ratio := float64(res.GPU.Allocated) / float64(res.GPU.Predicted); ratio < 0.98 || ratio > 1.02 {
		t.Errorf("%d bytes were predicted and %d allocated", res.GPU.Predicted, res.GPU.Allocated)
	}
}

// TestBenchGemm: every product of a step is measured.
func TestBenchGemm(t *testing.T) {
	step := idleStep(t)
	res, err := bench.MeasureGemmGPU(bench.GemmOptions{Models: []bench.GemmModel{{Name: "small", Step: step}}, Rounds: 1, Sample: time.Microsecond})
	if err != nil {
		t.Fatal(err)
	}
	wantTable(t, res, bench.Forward, bench.WeightGradient, "Muon", "of peak")
	products, err := bench.StepShapes(step)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, s := range products {
		counts[s.Purpose] += 3 * s.Count
	}
	for _, r := range res.Rows {
		counts[r.Purpose] -= r.Count
	}
	for _, purpose := range []string{bench.Forward, bench.InputGradient, bench.WeightGradient} {
		if counts[purpose] != 0 {
			t.Errorf("%s: %d products of three micro-batches are missing", purpose, counts[purpose])
		}
	}
}

// TestBenchGenerate: generation is measured beside what its bytes and operations take at least.
func TestBenchGenerate(t *testing.T) {
	step := idleStep(t)
	o := bench.GenerateOptions{Model: step.Model, Prompt: 5, Tokens: 4, Batch: 3, Rounds: 2, GPU: step.GPU}
	res, err := bench.MeasureGenerate(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	wantTable(t, res, "fake, 3 multiprocessors", "bf16", "prefill", "decode", "of the bound reached")
	if res.Decode.WeightBytes < 2*256*64 || res.Decode.CacheBytes == 0 || res.Prefill.WeightBytes == 0 {
		t.Errorf("%g and %g bytes of weights, %g of the cache", res.Decode.WeightBytes, res.Prefill.WeightBytes, res.Decode.CacheBytes)
	}
}

// wantTable fails where a result's table lacks words, or its JSON holds what is no number.
func wantTable(t *testing.T, res interface{ Print(io.Writer) error }, words ...string) {
	t.Helper()
	var b bytes.Buffer
	if err := res.Print(&b); err != nil {
		t.Fatal(err)
	}
	if _, err := json.Marshal(res); err != nil {
		t.Error(err)
	}
	for _, w := range words {
		if !strings.Contains(b.String(), w) {
			t.Errorf("the table lacks %q:\n%s", w, b.String())
		}
	}
}
