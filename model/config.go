// Package model holds a language model of the Kimi K2 family: its configuration, its parameters
// under their Hugging Face names, and its forward and backward pass over a compute tape.
package model

import (
	"errors"
	"fmt"
)

// Config has the fields and the meaning of a Hugging Face deepseek_v3 config.json. Two extensions
// cover plain dense baselines: KVLoraRank 0 selects grouped-query attention (as in Llama) with
// HeadDim, and NRoutedExperts 0 makes every layer dense.
type Config struct {
	VocabSize           int `json:"vocab_size"`
	HiddenSize          int `json:"hidden_size"`
	IntermediateSize    int `json:"intermediate_size"`     // width of a dense feed-forward layer
	MoeIntermediateSize int `json:"moe_intermediate_size"` // width of one expert
	NumHiddenLayers     int `json:"num_hidden_layers"`
	NumAttentionHeads   int `json:"num_attention_heads"`
	NumKeyValueHeads    int `json:"num_key_value_heads"` // 0 means num_attention_heads

	NSharedExperts      int     `json:"n_shared_experts"`
	NRoutedExperts      int     `json:"n_routed_experts"` // 0 means a dense model
	NumExpertsPerTok    int     `json:"num_experts_per_tok"`
	RoutedScalingFactor float64 `json:"routed_scaling_factor"`
	NormTopkProb        bool    `json:"norm_topk_prob"`
	ScoringFunc         string  `json:"scoring_func"` // sigmoid
	TopkMethod          string  `json:"topk_method"`  // noaux_tc
	NGroup              int     `json:"n_group"`
	TopkGroup           int     `json:"topk_group"`
	FirstKDenseReplace  int     `json:"first_k_dense_replace"`
	MoeLayerFreq        int     `json:"moe_layer_freq"` // 1
	AuxLossAlpha        float64 `json:"aux_loss_alpha"` // weight of the sequence-wise auxiliary loss, 0 for none
	SeqAux              bool    `json:"seq_aux"`

	QLoraRank     int `json:"q_lora_rank"`  // 0 (null) for a full q_proj
	KVLoraRank    int `json:"kv_lora_rank"` // 0 for grouped-query attention
	QKNopeHeadDim int `json:"qk_nope_head_dim"`
	QKRopeHeadDim int `json:"qk_rope_head_dim"`
	VHeadDim      int `json:"v_head_dim"`
	HeadDim       int `json:"head_dim"` // grouped-query attention only

	// QKNorm normalises every query and key head before RoPE by an RMSNorm with a learned weight, as Qwen3 and GLM-4.5
	// do. With latent attention it is an experiment: keys must then be written out, which its cache exists to avoid.
	QKNorm bool `json:"use_qk_norm"`

	HiddenAct             string       `json:"hidden_act"` // silu
	RMSNormEps            float64      `json:"rms_norm_eps"`
	RopeTheta             float64      `json:"rope_theta"`
	RopeScaling           *RopeScaling `json:"rope_scaling"`
	MaxPositionEmbeddings int          `json:"max_position_embeddings"`
	TieWordEmbeddings     bool         `json:"tie_word_embeddings"`
	InitializerRange      float64      `json:"initializer_range"`

	BosTokenID int `json:"bos_token_id"`
	EosTokenID int `json:"eos_token_id"`
	PadTokenID int `json:"pad_token_id"`
}

// RopeScaling selects YaRN (Peng et al., arXiv 2309.00071). Zero beta_fast, beta_slow and mscale
// mean 32, 1 and 1.
type RopeScaling struct {
	Type                          string  `json:"type"` // yarn
	Factor                        float64 `json:"factor"`
	OriginalMaxPositionEmbeddings int     `json:"original_max_position_embeddings"`
	BetaFast                      float64 `json:"beta_fast"`
	BetaSlow                      float64 `json:"beta_slow"`
	Mscale                        float64 `json:"mscale"`
	MscaleAllDim                  float64 `json:"mscale_all_dim"`
}

// MLA reports whether attention is multi-head latent attention.
func (c Config) MLA() bool { return c.KVLoraRank > 0 }

// QKHeadDim is the number of query elements of one head.
func (c Config) QKHeadDim() int {
	if c.MLA() {
		return c.QKNopeHeadDim + c.QKRopeHeadDim
	}
	return c.HeadDim
}

// ValueHeadDim is the number of value elements of one head.
func (c Config) ValueHeadDim() int {
	if c.MLA() {
		return c.VHeadDim
	}
	return c.HeadDim
}

// KVHeads is the number of key and value heads of grouped-query attention.
func (c Config) KVHeads() int {
	if c.NumKeyValueHeads > 0 {
		return c.NumKeyValueHeads
	}
	return c.NumAttentionHeads
}

// IsMoE reports whether layer l has routed experts.
func (c Config) IsMoE(l int) bool { return c.NRoutedExperts > 0 && l >= c.FirstKDenseReplace }

// Validate checks the fields against each other and names every one that is wrong.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("model."+format, args...)) }
	positive := func(name string, v int) {
		if v <= 0 {
			bad("%s is %d, want a positive number", name, v)
		}
	}
	positive("vocab_size", c.VocabSize)
	positive("hidden_size", c.HiddenSize)
	positive("num_hidden_layers", c.NumHiddenLayers)
	positive("num_attention_heads", c.NumAttentionHeads)
	positive("max_position_embeddings", c.MaxPositionEmbeddings)
	if c.NRoutedExperts == 0 || c.FirstKDenseReplace > 0 {
		positive("intermediate_size", c.IntermediateSize)
	}
	if c.MLA() {
		positive("qk_nope_head_dim", c.QKNopeHeadDim)
		positive("qk_rope_head_dim", c.QKRopeHeadDim)
		positive("v_head_dim", c.VHeadDim)
		if c.QKRopeHeadDim%2 != 0 {
			bad("qk_rope_head_dim is %d, want an even number: RoPE turns pairs", c.QKRopeHeadDim)
		}
	} else {
		positive("head_dim", c.HeadDim)
		if c.HeadDim%2 != 0 {
			bad("head_dim is %d, want an even number: RoPE turns pairs", c.HeadDim)
		}
		if kv := c.KVHeads(); kv > 0 && c.NumAttentionHeads%kv != 0 {
			bad("num_attention_heads %d is not a multiple of num_key_value_heads %d", c.NumAttentionHeads, kv)
		}
	}
	if c.QLoraRank < 0 {
		bad("q_lora_rank is %d, want 0 (none) or more", c.QLoraRank)
	}
	if c.NRoutedExperts > 0 {
		positive("moe_intermediate_size", c.MoeIntermediateSize)
		positive("num_experts_per_tok", c.NumExpertsPerTok)
		if c.NumExpertsPerTok > c.NRoutedExperts {
			bad("num_experts_per_tok %d is above n_routed_experts %d", c.NumExpertsPerTok, c.NRoutedExperts)
		}
		if c.ScoringFunc != "" && c.ScoringFunc != "sigmoid" {
			bad("scoring_func %q is not supported, only sigmoid", c.ScoringFunc)
		}
		if c.TopkMethod != "" && c.TopkMethod != "noaux_tc" {
			bad("topk_method %q is not supported, only noaux_tc", c.TopkMethod)
		}
		if c.NGroup > 1 || c.TopkGroup > 1 {
			bad("n_group %d and topk_group %d: group-limited routing is not supported, only 1", c.NGroup, c.TopkGroup)
		}
		if c.MoeLayerFreq > 1 {
			bad("moe_layer_freq is %d, only 1 is supported", c.MoeLayerFreq)
		}
		if c.RoutedScalingFactor <= 0 {
			bad("routed_scaling_factor is %g, want a positive number", c.RoutedScalingFactor)
		}
	}
	if c.HiddenAct != "" && c.HiddenAct != "silu" {
		bad("hidden_act %q is not supported, only silu", c.HiddenAct)
	}
	if c.RMSNormEps <= 0 {
		bad("rms_norm_eps is %g, want a small positive number such as 1e-6", c.RMSNormEps)
	}
	if c.RopeTheta <= 1 {
		bad("rope_theta is %g, want a base above 1 such as 50000", c.RopeTheta)
	}
	if rs := c.RopeScaling; rs != nil {
		if rs.Type != "" && rs.Type != "yarn" {
			bad("rope_scaling.type %q is not supported, only yarn", rs.Type)
		}
		if rs.Factor < 1 || rs.OriginalMaxPositionEmbeddings <= 0 {
			bad("rope_scaling needs factor >= 1 and a positive original_max_position_embeddings, got %g and %d", rs.Factor, rs.OriginalMaxPositionEmbeddings)
		}
	}
	return errors.Join(errs...)
}
