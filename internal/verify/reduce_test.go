package verify_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muonclip/internal/naive"
	"muonclip/internal/verify"
	"muonclip/model"
)

func TestReduceK2(t *testing.T) {
	want := k2()
	want.VocabSize, want.HiddenSize, want.IntermediateSize, want.MoeIntermediateSize, want.NumHiddenLayers = 40, 20, 24, 7, 3
	want.NumAttentionHeads, want.NumKeyValueHeads, want.NRoutedExperts, want.NumExpertsPerTok = 2, 2, 6, 3
	want.QLoraRank, want.KVLoraRank, want.QKNopeHeadDim, want.QKRopeHeadDim, want.VHeadDim, want.BosTokenID = 10, 9, 6, 8, 5, 39
	if diff := cmp.Diff(want, verify.Reduce(k2())); diff != "" {
		t.Errorf("reduced config (-want +got):\n%s", diff)
	}
	small := verify.Reduce(llama())
	if small.NumAttentionHeads != 8 || small.NumKeyValueHeads != 2 {
		t.Errorf("%d query heads on %d key heads, want the ratio 4 of 32 on 8", small.NumAttentionHeads, small.NumKeyValueHeads)
	}
}

// TestReduceKeepsStructure draws valid configs and checks what must survive.
func TestReduceKeepsStructure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		up := func(name string, top int) int { return rapid.IntRange(1, top).Draw(t, name) }
		none := func(name string, top int) int { return rapid.IntRange(0, top).Draw(t, name) }
		kv := up("kv heads", 9)
		full := model.Config{
			VocabSize: up("vocab", 99), HiddenSize: up("hidden", 99), IntermediateSize: up("ffn", 99), MoeIntermediateSize: up("moe ffn", 99),
			NumHiddenLayers: up("layers", 9), NumAttentionHeads: kv * up("group", 9), NumKeyValueHeads: kv,
			NSharedExperts: none("shared", 4), NRoutedExperts: none("experts", 20), RoutedScalingFactor: 1,
			FirstKDenseReplace: none("dense", 10), QLoraRank: none("q rank", 30), KVLoraRank: none("kv rank", 30),
			QKNopeHeadDim: up("nope", 20), QKRopeHeadDim: 2 * up("rope", 20), VHeadDim: up("v", 20), HeadDim: 2 * up("head", 20),
			RMSNormEps: 1e-6, RopeTheta: 100, MaxPositionEmbeddings: 99, TieWordEmbeddings: rapid.Bool().Draw(t, "tied"),
		}
		full.NumExpertsPerTok = up("top k", max(full.NRoutedExperts, 1))
		if err := full.Validate(); err != nil {
			t.Fatalf("drawn config: %v", err)
		}
		small := verify.Reduce(full)
		if err := small.Validate(); err != nil {
			t.Fatalf("reduced config: %v", err)
		}
		if structure(full) != structure(small) {
			t.Fatalf("structure %+v became %+v", structure(full), structure(small))
		}
		total := 0
		for _, p := range naive.Params(small) {
			total += p.Len()
		}
		if total > 25000 {
			t.Fatalf("reduced model has %d parameters", total)
		}
	})
}

// shape is what Reduce must keep.
type shape struct {
	mla, qLora, tied, shared, denseLayer, moeLayer, allExperts, grouped bool
}

func structure(c model.Config) shape {
	moe := c.NRoutedExperts > 0 && c.FirstKDenseReplace < c.NumHiddenLayers
	return shape{
		mla: c.MLA(), qLora: c.QLoraRank > 0, tied: c.TieWordEmbeddings, shared: c.NSharedExperts > 0,
		denseLayer: !c.IsMoE(0), moeLayer: moe, allExperts: moe && c.NumExpertsPerTok == c.NRoutedExperts,
		grouped: !c.MLA() && c.KVHeads() < c.NumAttentionHeads,
	}
}
