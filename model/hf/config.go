package hf

import (
	"errors"
	"fmt"

	"muonclip/internal/safetensors"
	"muonclip/model"
)

// common holds the fields that both architectures share.
type common struct {
	Architectures         []string `json:"architectures"`
	ModelType             string   `json:"model_type"`
	VocabSize             int      `json:"vocab_size"`
	HiddenSize            int      `json:"hidden_size"`
	IntermediateSize      int      `json:"intermediate_size"`
	NumHiddenLayers       int      `json:"num_hidden_layers"`
	NumAttentionHeads     int      `json:"num_attention_heads"`
	NumKeyValueHeads      int      `json:"num_key_value_heads"`
	HiddenAct             string   `json:"hidden_act"`
	RMSNormEps            float    `json:"rms_norm_eps"`
	RopeTheta             float    `json:"rope_theta"`
	RopeScaling           *yarn    `json:"rope_scaling"`
	MaxPositionEmbeddings int      `json:"max_position_embeddings"`
	TieWordEmbeddings     bool     `json:"tie_word_embeddings"`
	InitializerRange      float    `json:"initializer_range"`
	AttentionBias         bool     `json:"attention_bias"`
	AttentionDropout      float    `json:"attention_dropout"`
	BosTokenID            int      `json:"bos_token_id"`
	EosTokenID            int      `json:"eos_token_id"`
	PadTokenID            int      `json:"pad_token_id"`
	UseCache              bool     `json:"use_cache"`
	TorchDType            string   `json:"torch_dtype"`
}

// yarn has the type under its old and its new name.
type yarn struct {
	Type                          string `json:"type"`
	RopeType                      string `json:"rope_type"`
	Factor                        float  `json:"factor"`
	OriginalMaxPositionEmbeddings int    `json:"original_max_position_embeddings"`
	BetaFast                      float  `json:"beta_fast"`
	BetaSlow                      float  `json:"beta_slow"`
	Mscale                        float  `json:"mscale"`
	MscaleAllDim                  float  `json:"mscale_all_dim"`
}

type deepseekConfig struct {
	common
	MoeIntermediateSize  int    `json:"moe_intermediate_size"`
	NSharedExperts       int    `json:"n_shared_experts"`
	NRoutedExperts       int    `json:"n_routed_experts"`
	NumExpertsPerTok     int    `json:"num_experts_per_tok"`
	RoutedScalingFactor  float  `json:"routed_scaling_factor"`
	NormTopkProb         bool   `json:"norm_topk_prob"`
	ScoringFunc          string `json:"scoring_func"`
	TopkMethod           string `json:"topk_method"`
	NGroup               int    `json:"n_group"`
	TopkGroup            int    `json:"topk_group"`
	FirstKDenseReplace   int    `json:"first_k_dense_replace"`
	MoeLayerFreq         int    `json:"moe_layer_freq"`
	AuxLossAlpha         float  `json:"aux_loss_alpha"`
	SeqAux               bool   `json:"seq_aux"`
	QLoraRank            *int   `json:"q_lora_rank"`
	KVLoraRank           int    `json:"kv_lora_rank"`
	QKNopeHeadDim        int    `json:"qk_nope_head_dim"`
	QKRopeHeadDim        int    `json:"qk_rope_head_dim"`
	VHeadDim             int    `json:"v_head_dim"`
	RopeInterleave       bool   `json:"rope_interleave"`
	NumNextnPredictLayer int    `json:"num_nextn_predict_layers"`
	EPSize               int    `json:"ep_size"`
	PretrainingTP        int    `json:"pretraining_tp"`
}

type llamaConfig struct {
	common
	HeadDim       int  `json:"head_dim"`
	MLPBias       bool `json:"mlp_bias"`
	PretrainingTP int  `json:"pretraining_tp"`
}

var torchNames = map[safetensors.DType]string{safetensors.F32: "float32", safetensors.BF16: "bfloat16"}

// configJSON builds config.json for cfg, which must be valid.
func configJSON(cfg model.Config, dtype safetensors.DType) (any, error) {
	if cfg.QKNorm {
		return nil, errors.New("use_qk_norm is an experiment of this program: neither deepseek_v3 nor llama normalises the heads of queries and keys")
	}
	c := common{
		VocabSize: cfg.VocabSize, HiddenSize: cfg.HiddenSize, IntermediateSize: cfg.IntermediateSize,
		NumHiddenLayers: cfg.NumHiddenLayers, NumAttentionHeads: cfg.NumAttentionHeads, NumKeyValueHeads: cfg.KVHeads(),
		HiddenAct: "silu", RMSNormEps: float(cfg.RMSNormEps), RopeTheta: float(cfg.RopeTheta),
		MaxPositionEmbeddings: cfg.MaxPositionEmbeddings, TieWordEmbeddings: cfg.TieWordEmbeddings,
		InitializerRange: float(cfg.InitializerRange),
		BosTokenID:       cfg.BosTokenID, EosTokenID: cfg.EosTokenID, PadTokenID: cfg.PadTokenID,
		UseCache: true, TorchDType: torchNames[dtype],
	}
	if rs := cfg.RopeScaling; rs != nil {
		c.RopeScaling = &yarn{
			Type: "yarn", RopeType: "yarn", Factor: float(rs.Factor), OriginalMaxPositionEmbeddings: rs.OriginalMaxPositionEmbeddings,
			BetaFast: float(or(rs.BetaFast, 32)), BetaSlow: float(or(rs.BetaSlow, 1)),
			Mscale: float(or(rs.Mscale, 1)), MscaleAllDim: float(rs.MscaleAllDim),
		}
	}
	if cfg.MLA() {
		return deepseek(c, cfg), nil
	}
	if cfg.NRoutedExperts > 0 {
		return nil, errors.New("no Hugging Face architecture has grouped-query attention with this router; choose kv_lora_rank > 0 or n_routed_experts 0")
	}
	if cfg.RopeScaling != nil && cfg.RopeScaling.MscaleAllDim != 0 {
		return nil, errors.New("llama does not scale its logits by mscale_all_dim; choose rope_scaling.mscale_all_dim 0")
	}
	c.Architectures, c.ModelType = []string{"LlamaForCausalLM"}, "llama"
	return llamaConfig{common: c, HeadDim: cfg.HeadDim, PretrainingTP: 1}, nil
}

func deepseek(c common, cfg model.Config) deepseekConfig {
	c.Architectures, c.ModelType = []string{"DeepseekV3ForCausalLM"}, "deepseek_v3"
	c.NumKeyValueHeads = cfg.NumAttentionHeads // MLA has a key for each head; fewer would repeat keys
	d := deepseekConfig{
		common:              c,
		MoeIntermediateSize: cfg.MoeIntermediateSize, NSharedExperts: cfg.NSharedExperts,
		NRoutedExperts: cfg.NRoutedExperts, NumExpertsPerTok: cfg.NumExpertsPerTok,
		RoutedScalingFactor: float(cfg.RoutedScalingFactor), NormTopkProb: cfg.NormTopkProb,
		ScoringFunc: "sigmoid", TopkMethod: "noaux_tc", NGroup: 1, TopkGroup: 1,
		FirstKDenseReplace: cfg.FirstKDenseReplace, MoeLayerFreq: 1,
		AuxLossAlpha: float(cfg.AuxLossAlpha), SeqAux: cfg.SeqAux,
		KVLoraRank: cfg.KVLoraRank, QKNopeHeadDim: cfg.QKNopeHeadDim, QKRopeHeadDim: cfg.QKRopeHeadDim, VHeadDim: cfg.VHeadDim,
		RopeInterleave: true, EPSize: 1, PretrainingTP: 1,
	}
	if cfg.QLoraRank > 0 {
		d.QLoraRank = &cfg.QLoraRank
	}
	if cfg.NRoutedExperts == 0 {
		// A dense model is one whose leading dense layers are all layers. Some programs still look
		// at the router's fields, so these hold the smallest router.
		d.FirstKDenseReplace = cfg.NumHiddenLayers
		d.NRoutedExperts, d.NumExpertsPerTok, d.NSharedExperts = 1, 1, 0
		d.MoeIntermediateSize, d.RoutedScalingFactor, d.NormTopkProb = cfg.IntermediateSize, 1, true
	}
	return d
}

// traps names what other programs are known to get wrong about such a model.
func traps(cfg model.Config) []string {
	var w []string
	warn := func(format string, args ...any) { w = append(w, fmt.Sprintf(format, args...)) }
	rs := cfg.RopeScaling
	if rs != nil && rs.MscaleAllDim == 0 && or(rs.Mscale, 1) != 1 {
		warn("rope_scaling.mscale %g without mscale_all_dim: Transformers uses 1 instead", rs.Mscale)
	}
	if !cfg.MLA() {
		if cfg.HiddenSize%cfg.NumAttentionHeads != 0 {
			warn("hidden_size %d is no multiple of num_attention_heads %d: recent Transformers versions refuse such a llama", cfg.HiddenSize, cfg.NumAttentionHeads)
		}
		return w
	}
	if cfg.NumHiddenLayers > 61 {
		warn("%d layers: Transformers takes model.layers.61.* for multi-token prediction and may silently drop that layer; check the logits after loading", cfg.NumHiddenLayers)
	}
	if cfg.RMSNormEps != 1e-6 {
		warn("rms_norm_eps %g: Transformers uses 1e-6 in the norms of the compressed query and key-value, whatever the config says", cfg.RMSNormEps)
	}
	if cfg.NRoutedExperts > 0 && cfg.NSharedExperts == 0 {
		warn("no shared experts: Transformers makes empty ones and reports them as missing, which does no harm")
	}
	if cfg.NRoutedExperts == 1 {
		warn("one routed expert: Transformers ranks groups by their best two experts and fails")
	}
	return w
}

// or is x, or standard when x is zero.
func or(x, standard float64) float64 {
	if x == 0 {
		return standard
	}
	return x
}
