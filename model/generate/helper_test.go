package generate

import (
	"math"
	"math/rand/v2"
	"testing"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
	"muonclip/model"
)

// variants is one small model of every kind: latent attention with and without compressed queries,
// grouped-query attention, dense and sparse layers, YaRN, and a tied head.
func variants() map[string]model.Config {
	base := model.Config{
		VocabSize: 61, HiddenSize: 24, IntermediateSize: 40, NumHiddenLayers: 3, NumAttentionHeads: 4,
		RMSNormEps: 1e-6, RopeTheta: 50000, MaxPositionEmbeddings: 256, InitializerRange: 0.3,
	}
	latent := base
	latent.KVLoraRank, latent.QKNopeHeadDim, latent.QKRopeHeadDim, latent.VHeadDim = 12, 6, 4, 5
	compressed := latent
	compressed.QLoraRank = 10
	sparse := compressed
	sparse.NRoutedExperts, sparse.NumExpertsPerTok, sparse.MoeIntermediateSize, sparse.NSharedExperts = 6, 2, 9, 1
	sparse.FirstKDenseReplace, sparse.RoutedScalingFactor, sparse.NormTopkProb = 1, 1.7, true
	unshared := sparse
	unshared.NSharedExperts, unshared.FirstKDenseReplace, unshared.NormTopkProb = 0, 0, false
	yarn := sparse
	yarn.RopeScaling = &model.RopeScaling{Type: "yarn", Factor: 4, OriginalMaxPositionEmbeddings: 32, Mscale: 1, MscaleAllDim: 0.7}
	grouped := base
	grouped.HeadDim, grouped.NumKeyValueHeads = 6, 2
	normed := grouped
	normed.QKNorm = true
	plain := base
	plain.HeadDim, plain.TieWordEmbeddings = 8, true
	groupedSparse := sparse
	groupedSparse.KVLoraRank, groupedSparse.QLoraRank = 0, 0
	groupedSparse.HeadDim, groupedSparse.NumKeyValueHeads = 6, 1
	groupedSparse.RopeScaling = yarn.RopeScaling
	return map[string]model.Config{
		"latent": latent, "latent with q_lora": compressed, "sparse": sparse, "sparse without shared experts": unshared, "yarn": yarn,
		"grouped": grouped, "grouped, normalised heads": normed, "one group a head, tied": plain, "grouped, sparse, yarn": groupedSparse,
	}
}

// build returns a model with drawn weights, norms and router biases included, and an engine over it.
func build[T compute.Float](t testing.TB, c model.Config, threads int) (*model.Model[T], *Engine[T]) {
	t.Helper()
	be := cpu.New[T](threads)
	m, err := model.New[T](c, be)
	if err != nil {
		t.Fatal(err)
	}
	m.Init(1)
	r := rand.New(rand.NewPCG(1, 2))
	for _, p := range m.Params() {
		if p.Cols == 0 {
			for i := range p.Value {
				p.Value[i] += T(0.2 * r.NormFloat64())
			}
		}
	}
	e := New(m, be)
	return m, e
}

func someIDs(seed uint64, n, vocab int) []int32 {
	r := rand.New(rand.NewPCG(seed, 7))
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(r.IntN(vocab))
	}
	return ids
}

// must returns a copy of logits, which are only valid until the next call.
func must[T compute.Float](t testing.TB) func(logits []T, err error) []T {
	return func(logits []T, err error) []T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return append([]T(nil), logits...)
	}
}

// difference is the largest difference between a and b relative to the largest element of b.
func difference[T compute.Float](a, b []T) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	worst, size := 0.0, 0.0
	for i, v := range b {
		size = max(size, math.Abs(float64(v)))
		d := math.Abs(float64(a[i] - v))
		if d != d {
			return math.Inf(1)
		}
		worst = max(worst, d)
	}
	return worst / size
}
