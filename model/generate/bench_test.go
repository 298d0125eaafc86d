package generate

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"muonclip/model"
)

// mini is the model of the preset of that name.
func mini() model.Config {
	return model.Config{
		VocabSize: 4096, HiddenSize: 256, IntermediateSize: 768, MoeIntermediateSize: 128, NumHiddenLayers: 6, NumAttentionHeads: 8,
		NSharedExperts: 1, NRoutedExperts: 16, NumExpertsPerTok: 4, RoutedScalingFactor: 2, NormTopkProb: true, FirstKDenseReplace: 1,
		QLoraRank: 128, KVLoraRank: 64, QKNopeHeadDim: 32, QKRopeHeadDim: 16, VHeadDim: 32,
		RMSNormEps: 1e-6, RopeTheta: 50000, MaxPositionEmbeddings: 1024, InitializerRange: 0.02,
	}
}

// activeBytes is the size of the weights that one token reads.
func activeBytes(c model.Config) float64 {
	elems := int64(0)
	for _, s := range c.Shapes() {
		switch s.Kind {
		case model.KindEmbedding:
		case model.KindExpert:
			elems += s.Elems() * int64(c.NumExpertsPerTok) / int64(c.NRoutedExperts)
		default:
			elems += s.Elems()
		}
	}
	return 4 * float64(elems)
}

// BenchmarkDecode advances sequences of 640 tokens by one, the mean of a prompt of 512 and 256 tokens that follow. GB/s is the rate at which one sequence
// alone reads the weights, to be set against the memory's.
func BenchmarkDecode(b *testing.B) {
	for _, batch := range []int{1, 32} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			_, e := build[float32](b, mini(), 0)
			var seqs []*Sequence[float32]
			var prompts [][]int32
			for i := range batch {
				seqs, prompts = append(seqs, e.NewSequence()), append(prompts, someIDs(uint64(i), 640, 4096))
			}
			if _, err := e.Prefill(seqs, prompts...); err != nil {
				b.Fatal(err)
			}
			ids := someIDs(9, batch, 4096)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Step(seqs, ids); err != nil {
					b.Fatal(err)
				}
				for _, s := range seqs {
					s.Truncate(640)
				}
			}
			b.ReportMetric(float64(batch*b.N)/b.Elapsed().Seconds(), "tokens/s")
			if batch == 1 {
				b.ReportMetric(activeBytes(e.cfg)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
			}
		})
	}
}

// BenchmarkPrefill reads prompts of 512 tokens.
func BenchmarkPrefill(b *testing.B) {
	_, e := build[float32](b, mini(), 0)
	seqs := []*Sequence[float32]{e.NewSequence()}
	ids := someIDs(1, 512, 4096)
	for b.Loop() {
		if _, err := e.Prefill(seqs, ids); err != nil {
			b.Fatal(err)
		}
		seqs[0].Release()
	}
	b.ReportMetric(float64(len(ids)*b.N)/b.Elapsed().Seconds(), "tokens/s")
}

// BenchmarkSample draws from 4096 logits: from all of them, and with top-p, the most expensive of the usual settings.
func BenchmarkSample(b *testing.B) {
	b.Run("all", func(b *testing.B) { benchmarkSample(b, SampleOptions{Temperature: 1}) })
	b.Run("top-p", func(b *testing.B) { benchmarkSample(b, SampleOptions{Temperature: 0.8, TopP: 0.95}) })
}

func benchmarkSample(b *testing.B, o SampleOptions) {
	r := rand.New(rand.NewPCG(1, 2))
	logits := make([]float32, 4096)
	for i := range logits {
		logits[i] = float32(3 * r.NormFloat64())
	}
	s := NewSampler[float32](o)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := s.Sample(logits, nil, Uniform(1, 0, 0, i)); err != nil {
			b.Fatal(err)
		}
	}
}
