package hf

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"muonclip/internal/safetensors"
	"muonclip/model"
)

// small is a model with every part: q_lora, YaRN, routed and shared experts, a dense layer.
func small() model.Config {
	return model.Config{
		VocabSize: 64, HiddenSize: 16, IntermediateSize: 24, MoeIntermediateSize: 8, NumHiddenLayers: 3,
		NumAttentionHeads: 2, NumKeyValueHeads: 2, NSharedExperts: 1, NRoutedExperts: 4, NumExpertsPerTok: 2,
		RoutedScalingFactor: 2, NormTopkProb: true, ScoringFunc: "sigmoid", TopkMethod: "noaux_tc", NGroup: 1, TopkGroup: 1,
		FirstKDenseReplace: 1, MoeLayerFreq: 1, AuxLossAlpha: 0.0001, SeqAux: true,
		QLoraRank: 12, KVLoraRank: 8, QKNopeHeadDim: 6, QKRopeHeadDim: 4, VHeadDim: 6,
		HiddenAct: "silu", RMSNormEps: 1e-6, RopeTheta: 50000, MaxPositionEmbeddings: 256, InitializerRange: 0.02,
		RopeScaling: &model.RopeScaling{Type: "yarn", Factor: 4, OriginalMaxPositionEmbeddings: 64, BetaFast: 32, BetaSlow: 1, Mscale: 1, MscaleAllDim: 1},
		BosTokenID:  0, EosTokenID: 1, PadTokenID: 2,
	}
}

// dense is a llama.
func dense() model.Config {
	return model.Config{
		VocabSize: 64, HiddenSize: 16, IntermediateSize: 24, NumHiddenLayers: 2, NumAttentionHeads: 4, NumKeyValueHeads: 2, HeadDim: 6,
		HiddenAct: "silu", RMSNormEps: 1e-5, RopeTheta: 10000, MaxPositionEmbeddings: 256, InitializerRange: 0.02, TieWordEmbeddings: true,
		BosTokenID: 0, EosTokenID: 1,
	}
}

// tensorsOf makes random tensors with the names and shapes of Hugging Face for cfg.
func tensorsOf(cfg model.Config) []safetensors.Tensor {
	r := rand.New(rand.NewPCG(7, 8))
	var out []safetensors.Tensor
	add := func(name string, shape ...int) {
		n, _ := safetensors.Elements(shape)
		t := safetensors.Tensor{Name: name, Shape: shape, Data: make([]float32, n)}
		for i := range t.Data {
			t.Data[i] = float32(r.NormFloat64()) * 0.02
		}
		out = append(out, t)
	}
	h, heads := cfg.HiddenSize, cfg.NumAttentionHeads
	mlp := func(prefix string, width int) {
		add(prefix+"gate_proj.weight", width, h)
		add(prefix+"up_proj.weight", width, h)
		add(prefix+"down_proj.weight", h, width)
	}
	add("model.embed_tokens.weight", cfg.VocabSize, h)
	for l := range cfg.NumHiddenLayers {
		p := fmt.Sprintf("model.layers.%d.", l)
		a, m := p+"self_attn.", p+"mlp."
		add(p+"input_layernorm.weight", h)
		add(p+"post_attention_layernorm.weight", h)
		switch {
		case !cfg.MLA():
			add(a+"q_proj.weight", heads*cfg.HeadDim, h)
			add(a+"k_proj.weight", cfg.KVHeads()*cfg.HeadDim, h)
			add(a+"v_proj.weight", cfg.KVHeads()*cfg.HeadDim, h)
		case cfg.QLoraRank > 0:
			add(a+"q_a_proj.weight", cfg.QLoraRank, h)
			add(a+"q_a_layernorm.weight", cfg.QLoraRank)
			add(a+"q_b_proj.weight", heads*cfg.QKHeadDim(), cfg.QLoraRank)
		default:
			add(a+"q_proj.weight", heads*cfg.QKHeadDim(), h)
		}
		if cfg.MLA() {
			add(a+"kv_a_proj_with_mqa.weight", cfg.KVLoraRank+cfg.QKRopeHeadDim, h)
			add(a+"kv_a_layernorm.weight", cfg.KVLoraRank)
			add(a+"kv_b_proj.weight", heads*(cfg.QKNopeHeadDim+cfg.VHeadDim), cfg.KVLoraRank)
		}
		add(a+"o_proj.weight", h, heads*cfg.ValueHeadDim())
		if !cfg.IsMoE(l) {
			mlp(m, cfg.IntermediateSize)
			continue
		}
		add(m+"gate.weight", cfg.NRoutedExperts, h)
		add(m+"gate.e_score_correction_bias", cfg.NRoutedExperts)
		for e := range cfg.NRoutedExperts {
			mlp(fmt.Sprintf("%sexperts.%d.", m, e), cfg.MoeIntermediateSize)
		}
		if cfg.NSharedExperts > 0 {
			mlp(m+"shared_experts.", cfg.MoeIntermediateSize*cfg.NSharedExperts)
		}
	}
	add("model.norm.weight", h)
	if !cfg.TieWordEmbeddings {
		add("lm_head.weight", cfg.VocabSize, h)
	}
	return out
}

// empty copies names and shapes without data.
func empty(tensors []safetensors.Tensor) []safetensors.Tensor {
	out := make([]safetensors.Tensor, len(tensors))
	for i, t := range tensors {
		out[i] = safetensors.Tensor{Name: t.Name, Shape: t.Shape}
	}
	return out
}

// put writes files, given by name and text, to dir.
func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func get(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
