package naive_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/internal/naive"
	"muonclip/model"
)

// moeConfig has latent attention, a dense first layer and two MoE layers.
func moeConfig() model.Config {
	return model.Config{
		VocabSize: 19, HiddenSize: 12, IntermediateSize: 14, MoeIntermediateSize: 6, NumHiddenLayers: 3,
		NumAttentionHeads: 2, NSharedExperts: 1, NRoutedExperts: 5, NumExpertsPerTok: 2, RoutedScalingFactor: 1.7, NormTopkProb: true,
		FirstKDenseReplace: 1, QLoraRank: 7, KVLoraRank: 5, QKNopeHeadDim: 4, QKRopeHeadDim: 4, VHeadDim: 3,
		RMSNormEps: 1e-6, RopeTheta: 1000, MaxPositionEmbeddings: 64,
	}
}

// gqaConfig is a dense model with 4 query heads on 2 key and value heads.
func gqaConfig() model.Config {
	return model.Config{
		VocabSize: 19, HiddenSize: 12, IntermediateSize: 14, NumHiddenLayers: 2, NumAttentionHeads: 4, NumKeyValueHeads: 2,
		HeadDim: 4, RMSNormEps: 1e-6, RopeTheta: 1000, MaxPositionEmbeddings: 64,
	}
}

func forward(t *testing.T, cfg model.Config, w map[string][]float64, ids, docStart [][]int32) *naive.Result {
	t.Helper()
	res, err := naive.Forward(cfg, w, ids, docStart)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestPackedDocument checks that a document behind another one gets the logits that it gets
// alone: the mask hides the first one, and RoPE depends on distances only.
func TestPackedDocument(t *testing.T) {
	for name, cfg := range map[string]model.Config{"mla": moeConfig(), "gqa": gqaConfig()} {
		t.Run(name, func(t *testing.T) {
			w := naive.RandomWeights(naive.Params(cfg), 1)
			packed := naive.RandomTokens(cfg.VocabSize, 1, 8, 2)
			together := forward(t, cfg, w, packed, [][]int32{{0, 0, 0, 3, 3, 3, 3, 3}})
			alone := forward(t, cfg, w, [][]int32{packed[0][3:]}, nil)
			if e := relativeError(together.Logits[3*cfg.VocabSize:], alone.Logits); !(e < 1e-12) {
				t.Errorf("second document: relative error %.2e against the document alone", e)
			}
			open := forward(t, cfg, w, packed, nil)
			if e := relativeError(open.Logits[3*cfg.VocabSize:], alone.Logits); e < 1e-3 {
				t.Errorf("without a mask the logits should differ, relative difference %.2e", e)
			}
		})
	}
}

func TestCausal(t *testing.T) {
	cfg := moeConfig()
	w := naive.RandomWeights(naive.Params(cfg), 1)
	ids := naive.RandomTokens(cfg.VocabSize, 2, 6, 3)
	before := forward(t, cfg, w, ids, nil)
	ids[0][4] = (ids[0][4] + 1) % int32(cfg.VocabSize)
	after := forward(t, cfg, w, ids, nil)
	v := cfg.VocabSize
	if diff := cmp.Diff(before.Logits[:4*v], after.Logits[:4*v]); diff != "" {
		t.Errorf("logits before the changed token differ:\n%s", diff)
	}
	if diff := cmp.Diff(before.Logits[6*v:], after.Logits[6*v:]); diff != "" {
		t.Errorf("logits of the other row differ:\n%s", diff)
	}
	if slices.Equal(before.Logits[4*v:6*v], after.Logits[4*v:6*v]) {
		t.Error("logits from the changed token on are the same")
	}
}

// TestPaddingTargets checks that the loss is the mean over the targets that count, and that a batch
// without any has loss 0.
func TestPaddingTargets(t *testing.T) {
	cfg := gqaConfig()
	w := naive.RandomWeights(naive.Params(cfg), 1)
	ids := naive.RandomTokens(cfg.VocabSize, 1, 5, 4)
	ids[0] = append(ids[0], -1, -1, -1)
	padded := forward(t, cfg, w, ids, nil)
	short := forward(t, cfg, w, [][]int32{ids[0][:6]}, nil)
	if math.Abs(padded.Loss-short.Loss) > 1e-14 {
		t.Errorf("padded loss %v, loss without the padding %v", padded.Loss, short.Loss)
	}
	if res := forward(t, cfg, w, [][]int32{{1, -1, -1}}, nil); res.Loss != 0 {
		t.Errorf("loss %v without targets, want 0", res.Loss)
	}
}

// TestGroupedHeads checks that shared key and value heads act as the same heads written out for
// every query head.
func TestGroupedHeads(t *testing.T) {
	grouped := gqaConfig()
	w := naive.RandomWeights(naive.Params(grouped), 5)
	full, wFull := grouped, map[string][]float64{}
	full.NumKeyValueHeads = 0
	size := grouped.HeadDim * grouped.HiddenSize // elements of one head
	for name, data := range w {
		wFull[name] = data
		if strings.Contains(name, "k_proj") || strings.Contains(name, "v_proj") {
			wFull[name] = slices.Concat(data[:size], data[:size], data[size:], data[size:])
		}
	}
	ids := naive.RandomTokens(grouped.VocabSize, 2, 6, 6)
	a, b := forward(t, grouped, w, ids, nil), forward(t, full, wFull, ids, nil)
	if diff := cmp.Diff(b.Logits, a.Logits); diff != "" {
		t.Errorf("logits (-written out +grouped):\n%s", diff)
	}
}

// TestUniformRouter uses a router without opinion: ties go to the lowest indices, the gates are equal,
// and the auxiliary loss is exactly alpha for each layer, its value for perfect balance of probabilities.
func TestUniformRouter(t *testing.T) {
	cfg := moeConfig()
	cfg.AuxLossAlpha, cfg.SeqAux = 0.01, true
	w := naive.RandomWeights(naive.Params(cfg), 1)
	for name := range w {
		if strings.Contains(name, "mlp.gate.") {
			clear(w[name])
		}
	}
	ids := naive.RandomTokens(cfg.VocabSize, 2, 4, 7)
	res := forward(t, cfg, w, ids, nil)
	if diff := cmp.Diff([][]int{{8, 8, 0, 0, 0}, {8, 8, 0, 0, 0}}, res.ExpertLoad); diff != "" {
		t.Errorf("expert load (-want +got):\n%s", diff)
	}
	if want := 2 * cfg.AuxLossAlpha; math.Abs(res.AuxLoss-want) > 1e-15 {
		t.Errorf("auxiliary loss %v, want %v", res.AuxLoss, want)
	}
	if math.Abs(res.Loss-res.CrossEntropy-res.AuxLoss) > 1e-15 {
		t.Errorf("loss %v is not %v + %v", res.Loss, res.CrossEntropy, res.AuxLoss)
	}
	// The bias moves the choice, not the gates.
	copy(w["model.layers.1.mlp.gate.e_score_correction_bias"], []float64{-1, 0, 0, 1, 0})
	if got := forward(t, cfg, w, ids, nil).Routes[0][0]; !slices.Equal(got, []int{3, 1}) {
		t.Errorf("experts %v, want 3 by its bias and 1 as the lowest index of the rest", got)
	}
}

func TestGivenRoutes(t *testing.T) {
	cfg := moeConfig()
	w := naive.RandomWeights(naive.Params(cfg), 1)
	ids := naive.RandomTokens(cfg.VocabSize, 2, 4, 7)
	free := forward(t, cfg, w, ids, nil)
	again, err := naive.ForwardRouted(cfg, w, ids, nil, free.Routes)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(free, again); diff != "" {
		t.Errorf("own routes given back (-free +given):\n%s", diff)
	}
	if _, err := naive.ForwardRouted(cfg, w, ids, nil, free.Routes[:1]); err == nil {
		t.Error("no error for routes of one of two MoE layers")
	}
}

func TestBadInput(t *testing.T) {
	cfg := moeConfig()
	good := func() (map[string][]float64, [][]int32, [][]int32) {
		return naive.RandomWeights(naive.Params(cfg), 1), [][]int32{{1, 2, 3}}, [][]int32{{0, 1}}
	}
	for name, c := range map[string]struct {
		change func(w map[string][]float64, ids, docs [][]int32)
		want   string
	}{
		"missing weight":   {func(w map[string][]float64, _, _ [][]int32) { delete(w, "model.norm.weight") }, "model.norm.weight is missing"},
		"short weight":     {func(w map[string][]float64, _, _ [][]int32) { w["model.norm.weight"] = nil }, "model.norm.weight has 0 elements, want 12"},
		"foreign token":    {func(_ map[string][]float64, ids, _ [][]int32) { ids[0][1] = 19 }, "position 1: token 19 is outside the vocabulary of 19"},
		"future document":  {func(_ map[string][]float64, _, docs [][]int32) { docs[0][0] = 1 }, "document start 1 is not in 0..0"},
		"empty row":        {func(_ map[string][]float64, ids, _ [][]int32) { ids[0] = nil }, "at least two tokens"},
		"short start list": {func(_ map[string][]float64, _, docs [][]int32) { docs[0] = docs[0][:1] }, "row 0 has 1 document starts, want 2"},
	} {
		t.Run(name, func(t *testing.T) {
			w, ids, docs := good()
			c.change(w, ids, docs)
			_, err := naive.Forward(cfg, w, ids, docs)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one that says %q", err, c.want)
			}
		})
	}
}

// TestRandomWeights checks that a weight depends on the seed and its name only, and its rough moments.
func TestRandomWeights(t *testing.T) {
	ps := []naive.Param{{Name: "a.weight", Shape: []int{40, 50}}, {Name: "b.weight", Shape: []int{40, 50}}}
	w := naive.RandomWeights(ps, 1)
	if diff := cmp.Diff(w["b.weight"], naive.RandomWeights(ps[1:], 1)["b.weight"]); diff != "" {
		t.Errorf("b.weight depends on the rest of the list:\n%s", diff)
	}
	if slices.Equal(w["a.weight"], w["b.weight"]) || slices.Equal(w["a.weight"], naive.RandomWeights(ps, 2)["a.weight"]) {
		t.Error("weights of different names or seeds are equal")
	}
	var sum, square float64
	for _, v := range w["a.weight"] {
		sum += v
		square += v * v
	}
	if mean, variance := sum/2000, square/2000; math.Abs(mean) > 0.02 || math.Abs(variance-0.02) > 0.003 {
		t.Errorf("mean %v and variance %v, want about 0 and 1/50", mean, variance)
	}
}
