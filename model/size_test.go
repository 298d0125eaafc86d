package model

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// smallMLA has every kind of parameter: one dense layer, one with experts, compressed queries.
func smallMLA() Config {
	return Config{
		VocabSize: 50, HiddenSize: 8, IntermediateSize: 12, MoeIntermediateSize: 5, NumHiddenLayers: 2, NumAttentionHeads: 2,
		NSharedExperts: 2, NRoutedExperts: 3, NumExpertsPerTok: 2, FirstKDenseReplace: 1,
		QLoraRank: 6, KVLoraRank: 4, QKNopeHeadDim: 3, QKRopeHeadDim: 2, VHeadDim: 7,
	}
}

func kimiK2() Config {
	return Config{
		VocabSize: 163840, HiddenSize: 7168, IntermediateSize: 18432, MoeIntermediateSize: 2048, NumHiddenLayers: 61,
		NumAttentionHeads: 64, NSharedExperts: 1, NRoutedExperts: 384, NumExpertsPerTok: 8, FirstKDenseReplace: 1,
		QLoraRank: 1536, KVLoraRank: 512, QKNopeHeadDim: 128, QKRopeHeadDim: 64, VHeadDim: 128,
	}
}

func moonlight() Config {
	return Config{
		VocabSize: 163840, HiddenSize: 2048, IntermediateSize: 11264, MoeIntermediateSize: 1408, NumHiddenLayers: 27,
		NumAttentionHeads: 16, NSharedExperts: 2, NRoutedExperts: 64, NumExpertsPerTok: 6, FirstKDenseReplace: 1,
		KVLoraRank: 512, QKNopeHeadDim: 128, QKRopeHeadDim: 64, VHeadDim: 128,
	}
}

func TestShapes(t *testing.T) {
	vec := func(name string, n int) ParamShape {
		return ParamShape{Name: name, Rows: n, Kind: KindNorm, Trained: true}
	}
	mat := func(name string, rows, cols int, kind string) ParamShape {
		return ParamShape{Name: name, Rows: rows, Cols: cols, Kind: kind, Muon: true, Trained: true}
	}
	attention := func(p string) []ParamShape {
		return []ParamShape{
			mat(p+"q_a_proj.weight", 6, 8, "attention"),
			vec(p+"q_a_layernorm.weight", 6),
			mat(p+"q_b_proj.weight", 10, 6, "attention"),
			mat(p+"kv_a_proj_with_mqa.weight", 6, 8, "attention"),
			vec(p+"kv_a_layernorm.weight", 4),
			mat(p+"kv_b_proj.weight", 20, 4, "attention"),
			mat(p+"o_proj.weight", 8, 14, "attention"),
		}
	}
	feedForward := func(p string, n int, kind string) []ParamShape {
		return []ParamShape{
			mat(p+"gate_proj.weight", n, 8, kind), mat(p+"up_proj.weight", n, 8, kind), mat(p+"down_proj.weight", 8, n, kind),
		}
	}
	want := []ParamShape{{Name: "model.embed_tokens.weight", Rows: 50, Cols: 8, Kind: "embedding", Trained: true}}
	want = append(want, vec("model.layers.0.input_layernorm.weight", 8))
	want = append(want, attention("model.layers.0.self_attn.")...)
	want = append(want, vec("model.layers.0.post_attention_layernorm.weight", 8))
	want = append(want, feedForward("model.layers.0.mlp.", 12, "dense")...)
	want = append(want, vec("model.layers.1.input_layernorm.weight", 8))
	want = append(want, attention("model.layers.1.self_attn.")...)
	want = append(want, vec("model.layers.1.post_attention_layernorm.weight", 8),
		mat("model.layers.1.mlp.gate.weight", 3, 8, "router"),
		ParamShape{Name: "model.layers.1.mlp.gate.e_score_correction_bias", Rows: 3, Kind: "router"})
	want = append(want, feedForward("model.layers.1.mlp.experts.0.", 5, "expert")...)
	want = append(want, feedForward("model.layers.1.mlp.experts.1.", 5, "expert")...)
	want = append(want, feedForward("model.layers.1.mlp.experts.2.", 5, "expert")...)
	want = append(want, feedForward("model.layers.1.mlp.shared_experts.", 10, "shared_expert")...)
	want = append(want, vec("model.norm.weight", 8),
		ParamShape{Name: "lm_head.weight", Rows: 50, Cols: 8, Kind: "head", Trained: true})

	if d := cmp.Diff(want, smallMLA().Shapes()); d != "" {
		t.Errorf("shapes differ (-want +got):\n%s", d)
	}
}

func TestShapesVariants(t *testing.T) {
	names := func(c Config) []string {
		var out []string
		for _, p := range c.Shapes() {
			out = append(out, p.Name)
		}
		return out
	}
	dense := Config{
		VocabSize: 50, HiddenSize: 8, IntermediateSize: 12, NumHiddenLayers: 1, NumAttentionHeads: 4, NumKeyValueHeads: 2,
		HeadDim: 6, TieWordEmbeddings: true,
	}
	want := []string{
		"model.embed_tokens.weight",
		"model.layers.0.input_layernorm.weight",
		"model.layers.0.self_attn.q_proj.weight", "model.layers.0.self_attn.k_proj.weight",
		"model.layers.0.self_attn.v_proj.weight", "model.layers.0.self_attn.o_proj.weight",
		"model.layers.0.post_attention_layernorm.weight",
		"model.layers.0.mlp.gate_proj.weight", "model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.down_proj.weight",
		"model.norm.weight",
	}
	if d := cmp.Diff(want, names(dense)); d != "" {
		t.Errorf("dense, grouped queries, tied (-want +got):\n%s", d)
	}
	for _, p := range dense.Shapes() {
		switch p.Name {
		case "model.layers.0.self_attn.q_proj.weight":
			if d := cmp.Diff([]int{24, 8}, p.Shape()); d != "" {
				t.Errorf("q_proj %s", d)
			}
		case "model.layers.0.self_attn.k_proj.weight":
			if d := cmp.Diff([]int{12, 8}, p.Shape()); d != "" {
				t.Errorf("k_proj %s", d)
			}
		case "model.norm.weight":
			if d := cmp.Diff([]int{8}, p.Shape()); d != "" {
				t.Errorf("norm %s", d)
			}
		}
	}

	for name, c := range map[string]Config{"dense": dense, "latent": smallMLA()} {
		before := c.Size()
		c.QKNorm = true
		norms := 0
		for _, p := range c.Shapes() {
			if strings.HasSuffix(p.Name, "self_attn.q_norm.weight") || strings.HasSuffix(p.Name, "self_attn.k_norm.weight") {
				norms++
				if d := cmp.Diff([]int{c.QKHeadDim()}, p.Shape()); d != "" || p.Muon || !p.Trained || p.Kind != KindNorm {
					t.Errorf("%s: %+v", name, p)
				}
			}
		}
		if norms != 2*c.NumHiddenLayers || c.Size().Total != before.Total+int64(norms*c.QKHeadDim()) {
			t.Errorf("%s: %d norms of heads, %d parameters, without %d", name, norms, c.Size().Total, before.Total)
		}
		if with, without := c.ForwardFLOPs(8), smallMLA().ForwardFLOPs(8); name == "latent" && with != without {
			t.Errorf("norms count as products: %+v, without %+v", with, without)
		}
	}

	full := smallMLA()
	full.QLoraRank, full.NSharedExperts = 0, 0
	for _, p := range full.Shapes() {
		if p.Kind == KindSharedExpert {
			t.Errorf("n_shared_experts 0 has %s", p.Name)
		}
		if p.Name == "model.layers.1.self_attn.q_proj.weight" && (p.Rows != 10 || p.Cols != 8) {
			t.Errorf("q_proj is %v, want [10 8]", p.Shape())
		}
	}
}

// TestPublishedSizes holds the counts to what the reports state: Kimi K2 1.04T and 32B, Moonlight
// 15.29B and 2.24B without embedding and head. The exact numbers were counted from the published
// shapes by hand: K2's experts alone are 60 * 384 * 3 * 7168 * 2048 = 1,014,686,023,680.
func TestPublishedSizes(t *testing.T) {
	k2 := kimiK2().Size()
	if got := k2.Part(KindExpert).Total; got != 60*384*3*7168*2048 {
		t.Errorf("K2 experts: %d", got)
	}
	if got := k2.Part(KindExpert).Activated; got != 60*8*3*7168*2048 {
		t.Errorf("K2 activated experts: %d", got)
	}
	within := func(name string, got int64, low, high float64) {
		t.Helper()
		if f := float64(got); f < low || f > high {
			t.Errorf("%s: %d, want %g to %g", name, got, low, high)
		}
	}
	within("K2 total", k2.Total, 1.025e12, 1.045e12)
	within("K2 activated", k2.Activated, 32e9, 33e9)
	ml := moonlight().Size()
	within("Moonlight total", ml.Total, 15.9e9, 16.1e9)
	within("Moonlight activated", ml.Activated, 2.9e9, 3.0e9)
	within("Moonlight core total", ml.CoreTotal, 15.285e9, 15.295e9)
	within("Moonlight core activated", ml.CoreActivated, 2.235e9, 2.245e9)
}

func TestSizeAddsUp(t *testing.T) {
	normed := smallMLA()
	normed.QKNorm = true
	for _, c := range []Config{smallMLA(), kimiK2(), moonlight(), normed} {
		var total, parts int64
		for _, p := range c.Shapes() {
			total += p.Elems()
		}
		s := c.Size()
		for _, p := range s.Parts {
			parts += p.Total
		}
		if total != s.Total || parts != total {
			t.Errorf("shapes add up to %d, parts to %d, total says %d", total, parts, s.Total)
		}
		if head := s.Part(KindEmbedding).Total + s.Part(KindHead).Total; s.CoreTotal != total-head {
			t.Errorf("core total %d, want %d", s.CoreTotal, total-head)
		}
		if len(c.Shapes()) > c.paramCount() {
			t.Errorf("paramCount %d is below %d", c.paramCount(), len(c.Shapes()))
		}
	}
}
