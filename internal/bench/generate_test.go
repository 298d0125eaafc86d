package bench

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"muonclip/internal/compute/cpu"
	"muonclip/internal/compute/cuda"
	"muonclip/model"
)

func smallModel(t *testing.T) (model.Config, *model.Model[float32]) {
	t.Helper()
	c := model.Config{
		VocabSize: 61, HiddenSize: 24, IntermediateSize: 40, MoeIntermediateSize: 16, NumHiddenLayers: 2, NumAttentionHeads: 4,
		NSharedExperts: 1, NRoutedExperts: 6, NumExpertsPerTok: 2, RoutedScalingFactor: 1, NormTopkProb: true, FirstKDenseReplace: 1,
		KVLoraRank: 12, QKNopeHeadDim: 6, QKRopeHeadDim: 4, VHeadDim: 5,
		RMSNormEps: 1e-6, RopeTheta: 50000, MaxPositionEmbeddings: 256, InitializerRange: 0.3,
	}
	m, err := model.New(c, cpu.New[float32](1))
	if err != nil {
		t.Fatal(err)
	}
	m.Init(1)
	return c, m
}

// TestMeasureGenerate checks what is counted; times are whatever this machine gives.
func TestMeasureGenerate(t *testing.T) {
	c, m := smallModel(t)
	o := GenerateOptions{Model: c, Trained: m, Prompt: 20, Tokens: 9, Batch: 3, Rounds: 2, Threads: 1, Weights: cpu.Int8, HeldOut: [][]int32{{1, 2, 3, 4, 5}, {6, 7, 8, 9, 10}}}
	g, err := MeasureGenerate(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	// 19 tokens of each of 3 prompts go through the dense layer and get their latents in the other one, the last token goes through both.
	attention := 24*40 + 24*16 + 12*4*11 + 20*24 // q, kv_a, kv_b, o
	span := 21 * 4 * (10 + 5)                    // 2 x the mean of 1 to 20, heads, elements of a key and a value
	dense := 2*(attention+3*24*40) + span
	sparse := 2*(attention+24*6+(2+1)*3*24*16) + span
	if want := float64(3 * (20*(dense+2*24*16) + sparse + 2*61*24)); math.Abs(g.Prefill.FLOPs-want) > 1e-6*want {
		t.Errorf("prefill: %g FLOPs, want %g", g.Prefill.FLOPs, want)
	}
	// A step reads positions 21 to 28 of each of 3 sequences: on average 24.5 rows.
	if want := 3 * 24.5 * float64(c.KVCacheBytes(4)); math.Abs(g.Decode.CacheBytes-want) > 1 {
		t.Errorf("decode: %g bytes of cache, want %g", g.Decode.CacheBytes, want)
	}
	for name, p := range map[string]Phase{"prefill": g.Prefill, "decode": g.Decode} {
		if p.Seconds.Median <= 0 || p.BoundSeconds <= 0 || p.BytesPerSecond <= 0 || p.WeightBytes <= 0 {
			t.Errorf("%s: %+v", name, p)
		}
		bound := max(p.FLOPs/(g.PeakGflops*1e9), (p.WeightBytes+p.CacheBytes)/p.BytesPerSecond)
		if math.Abs(p.BoundShare-bound/p.Seconds.Median) > 1e-9*p.BoundShare {
			t.Errorf("%s: share %g of a bound of %g s for %g s", name, p.BoundShare, bound, p.Seconds.Median)
		}
	}
	a := g.Accuracy
	if a == nil || a.Tokens != 8 || a.KL <= 0 || a.KL > 1 || a.FullLoss == a.Loss || math.Abs(a.FullLoss-a.Loss) > 1 {
		t.Errorf("accuracy %+v", a)
	}
	var out bytes.Buffer
	if err := g.Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"int8", "prefill, bound by", "decode, bound by", "same likeliest token"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	o.Tokens = 1
	if _, err := MeasureGenerate(t.Context(), o); err == nil {
		t.Error("one token has no step, and there is no error")
	}
}

// TestAccuracyOfFullWeights: the same weights cost nothing.
func TestAccuracyOfFullWeights(t *testing.T) {
	_, m := smallModel(t)
	a, err := measureAccuracy(t.Context(), m, cpu.New[float32](1), cpu.Full, [][]int32{{1, 2, 3, 4}})
	if err != nil {
		t.Fatal(err)
	}
	if a.KL != 0 || a.Loss != a.FullLoss || a.Agreement != 1 || a.Tokens != 3 {
		t.Errorf("%+v", a)
	}
}

// TestMeasureGenerateGPU: a GPU is measured with random weights alone.
func TestMeasureGenerateGPU(t *testing.T) {
	c, m := smallModel(t)
	o := GenerateOptions{Model: c, Prompt: 2, Tokens: 2, Batch: 1, Rounds: 1, GPU: &cuda.Options{}}
	trained, stored := o, o
	trained.Trained, stored.Weights = m, cpu.Int8
	for _, o := range []GenerateOptions{trained, stored} {
		if _, err := MeasureGenerate(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--device cpu") {
			t.Errorf("want an error with --device cpu, got %v", err)
		}
	}
}
