package referee_test

import (
	"math"
	"testing"

	"muonclip/internal/naive"
	"muonclip/internal/naive/golden"
	"muonclip/internal/referee"
	"muonclip/model"
)

// variant is a model and a batch beyond what the golden cases cover.
type variant struct {
	name     string
	config   model.Config
	ids      [][]int32
	docStart [][]int32
}

func variants() []variant {
	mla := model.Config{
		VocabSize: 13, HiddenSize: 8, IntermediateSize: 10, MoeIntermediateSize: 5, NumHiddenLayers: 3,
		NumAttentionHeads: 2, NSharedExperts: 1, NRoutedExperts: 5, NumExpertsPerTok: 2, RoutedScalingFactor: 1.7, NormTopkProb: true,
		FirstKDenseReplace: 1, QLoraRank: 5, KVLoraRank: 4, QKNopeHeadDim: 3, QKRopeHeadDim: 4, VHeadDim: 3,
		RMSNormEps: 1e-6, RopeTheta: 1000, MaxPositionEmbeddings: 64,
	}
	gqa := model.Config{
		VocabSize: 13, HiddenSize: 8, IntermediateSize: 10, NumHiddenLayers: 2, NumAttentionHeads: 4, NumKeyValueHeads: 2,
		HeadDim: 4, RMSNormEps: 1e-6, RopeTheta: 1000, MaxPositionEmbeddings: 64,
		RopeScaling: &model.RopeScaling{Type: "yarn", Factor: 4, OriginalMaxPositionEmbeddings: 32, BetaFast: 4, MscaleAllDim: 1},
	}
	aux := mla
	aux.AuxLossAlpha, aux.SeqAux, aux.TieWordEmbeddings = 0.3, true, true
	gqaMoE := mla
	gqaMoE.QLoraRank, gqaMoE.KVLoraRank, gqaMoE.NumKeyValueHeads, gqaMoE.HeadDim = 0, 0, 1, 6
	mlaNorm, gqaNorm := mla, gqa
	mlaNorm.QKNorm, gqaNorm.QKNorm = true, true
	ids := naive.RandomTokens(13, 2, 6, 11)
	padded := naive.RandomTokens(13, 2, 6, 12)
	padded[0][3], padded[1][6] = -1, -1
	docs := [][]int32{{0, 0, 0, 3, 3, 3}, {0, 1, 1, 1, 1, 5}}
	return []variant{
		{"gqa", gqa, ids, nil},
		{"gqa documents", gqa, padded, docs},
		{"gqa experts", gqaMoE, ids, nil},
		{"mla documents padding", mla, padded, docs},
		{"auxiliary loss tied", aux, ids, nil},
		{"auxiliary loss documents", aux, padded, docs},
		{"mla normalised heads", mlaNorm, padded, docs},
		{"gqa normalised heads", gqaNorm, ids, nil},
		{"one token", mla, [][]int32{{3, 4}}, nil},
	}
}

// TestDifferences compares derivatives of every tensor with central differences of the naive forward
// pass, and the two losses with each other.
func TestDifferences(t *testing.T) {
	cases, err := golden.Cases()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run("golden "+c.Name, func(t *testing.T) { compare(t, c.Config, c.Weights, c.IDs, nil) })
	}
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			compare(t, v.config, naive.RandomWeights(naive.Params(v.config), 3), v.ids, v.docStart)
		})
	}
}

func compare(t *testing.T, cfg model.Config, w map[string][]float64, ids, docStart [][]int32) {
	ref, err := naive.Forward(cfg, w, ids, docStart)
	if err != nil {
		t.Fatal(err)
	}
	got, err := referee.Run(cfg, w, ids, docStart)
	if err != nil {
		t.Fatal(err)
	}
	loss := math.Abs(got.Loss-ref.Loss) / ref.Loss
	if !(loss <= 1e-12) {
		t.Errorf("loss %v, naive %v", got.Loss, ref.Loss)
	}
	if e := math.Abs(got.AuxLoss - ref.AuxLoss); !(e <= 1e-12) {
		t.Errorf("auxiliary loss %v, naive %v", got.AuxLoss, ref.AuxLoss)
	}
	if e := relativeError(got.Logits, ref.Logits); !(e <= 1e-12) {
		t.Errorf("logits: relative error %.2e", e)
	}
	t.Logf("loss: relative error %.1e", loss)
	// Every element of a small tensor and about 8 spread over a large one.
	want, sampled := map[string][]float64{}, map[string][]float64{}
	for name, g := range got.Grads {
		for i := 0; i < len(g); i += 1 + len(g)/8 {
			d, err := naive.Difference(cfg, w, ids, docStart, ref.Routes, name, i)
			if err != nil {
				t.Fatal(err)
			}
			want[name] = append(want[name], d)
			sampled[name] = append(sampled[name], g[i])
		}
	}
	// A tensor without any influence has gradient 0 here and rounding noise in the differences.
	for name, g := range sampled {
		if largest(g) == 0 && largest(want[name]) < 1e-10 {
			delete(want, name)
			delete(sampled, name)
		}
	}
	checkGrads(t, sampled, want, 1e-6)
}

func largest(x []float64) float64 {
	var top float64
	for _, v := range x {
		top = math.Max(top, math.Abs(v))
	}
	return top
}
