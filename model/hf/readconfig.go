package hf

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"

	"muonclip/model"
)

// fields of config.json that model.Config does not have or has in another form.
type otherFields struct {
	ModelType      string          `json:"model_type"`
	RopeScaling    *ropeFields     `json:"rope_scaling"`
	RopeParameters *ropeFields     `json:"rope_parameters"` // Transformers 5 keeps theta and scaling here
	EosTokenID     json.RawMessage `json:"eos_token_id"`    // a number or a list of them
	AttentionBias  bool            `json:"attention_bias"`
	MLPBias        bool            `json:"mlp_bias"`
	RopeInterleave *bool           `json:"rope_interleave"`
	NextnLayers    int             `json:"num_nextn_predict_layers"`
}

type ropeFields struct {
	model.RopeScaling
	RopeType        string   `json:"rope_type"`
	RopeTheta       float64  `json:"rope_theta"`
	AttentionFactor *float64 `json:"attention_factor"`
}

// ReadConfig reads the config.json of a model folder. It accepts the model types deepseek_v3,
// kimi_k2 and llama. A missing field has the default of Hugging Face, null means none. The result
// is valid; a model that this program cannot run exactly is an error.
func ReadConfig(dir string) (model.Config, error) {
	cfg, _, err := readConfig(dir)
	return cfg, err
}

func readConfig(dir string) (model.Config, otherFields, error) {
	path := filepath.Join(dir, configFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return model.Config{}, otherFields{}, fmt.Errorf("hf: %w", err)
	}
	cfg, other, err := parseConfig(text)
	if err == nil {
		err = cfg.Validate()
	}
	if err != nil {
		return model.Config{}, other, fmt.Errorf("hf: read %s: %w", path, err)
	}
	return cfg, other, nil
}

// deepseekDefaults are those of DeepseekV3Config (transformers, models/deepseek_v3).
var deepseekDefaults = model.Config{
	VocabSize: 129280, HiddenSize: 7168, IntermediateSize: 18432, MoeIntermediateSize: 2048, NumHiddenLayers: 61,
	NumAttentionHeads: 128, NumKeyValueHeads: 128, NSharedExperts: 1, NRoutedExperts: 256, RoutedScalingFactor: 2.5,
	KVLoraRank: 512, QLoraRank: 1536, QKRopeHeadDim: 64, VHeadDim: 128, QKNopeHeadDim: 128, NGroup: 8, TopkGroup: 4,
	NumExpertsPerTok: 8, FirstKDenseReplace: 3, MoeLayerFreq: 1, NormTopkProb: true, ScoringFunc: "sigmoid", TopkMethod: "noaux_tc",
	HiddenAct: "silu", MaxPositionEmbeddings: 4096, InitializerRange: 0.02, RMSNormEps: 1e-6, RopeTheta: 10000,
	BosTokenID: 0, EosTokenID: 1,
}

// llamaDefaults are those of LlamaConfig (transformers, models/llama).
var llamaDefaults = model.Config{
	VocabSize: 32000, HiddenSize: 4096, IntermediateSize: 11008, NumHiddenLayers: 32, NumAttentionHeads: 32,
	HiddenAct: "silu", MaxPositionEmbeddings: 2048, InitializerRange: 0.02, RMSNormEps: 1e-6, RopeTheta: 10000,
	BosTokenID: 1, EosTokenID: 2,
}

// parseConfig parses config.json without validating the result.
func parseConfig(text []byte) (model.Config, otherFields, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return model.Config{}, otherFields{}, fmt.Errorf("it is no JSON object: %w", err)
	}
	if raw == nil {
		return model.Config{}, otherFields{}, errors.New("it is null, not a JSON object")
	}
	var other otherFields
	if err := json.Unmarshal(text, &other); err != nil {
		return model.Config{}, other, err
	}
	var cfg model.Config
	switch other.ModelType {
	case "deepseek_v3", "kimi_k2":
		cfg = deepseekDefaults
	case "llama":
		cfg = llamaDefaults
	case "":
		return cfg, other, errors.New("it has no model_type; supported are deepseek_v3, kimi_k2 and llama")
	default:
		return cfg, other, fmt.Errorf("model_type %q is not supported; supported are deepseek_v3, kimi_k2 and llama", other.ModelType)
	}
	if err := overlay(&cfg, raw); err != nil {
		return cfg, other, err
	}
	if err := other.apply(&cfg); err != nil {
		return cfg, other, err
	}
	if other.ModelType == "llama" {
		return asLlama(cfg), other, nil
	}
	cfg, err := asDeepseek(cfg)
	if _, ok := raw["n_group"]; err == nil && !ok && cfg.NRoutedExperts > 0 {
		err = fmt.Errorf("it has no n_group, which for Hugging Face then is %d, and group-limited routing is not supported; if the router has no groups, add \"n_group\": 1, \"topk_group\": 1", cfg.NGroup)
	}
	return cfg, other, err
}

// overlay sets the fields of cfg that raw has; null sets a field to zero.
func overlay(cfg *model.Config, raw map[string]json.RawMessage) error {
	v := reflect.ValueOf(cfg).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("json")
		text, ok := raw[name]
		switch {
		case !ok || name == "rope_scaling" || name == "eos_token_id":
		case string(text) == "null":
			v.Field(i).SetZero()
		default:
			if err := json.Unmarshal(text, v.Field(i).Addr().Interface()); err != nil {
				return fmt.Errorf("field %s: %w", name, err)
			}
		}
	}
	return nil
}

// apply sets what does not have the form of model.Config and refuses what it cannot express.
func (o otherFields) apply(cfg *model.Config) error {
	var ids []int
	if id := 0; len(o.EosTokenID) > 0 && string(o.EosTokenID) != "null" {
		if json.Unmarshal(o.EosTokenID, &id) == nil {
			ids = []int{id}
		} else if err := json.Unmarshal(o.EosTokenID, &ids); err != nil || len(ids) == 0 {
			return fmt.Errorf("field eos_token_id: %s is neither a number nor a list of numbers", o.EosTokenID)
		}
		cfg.EosTokenID = ids[0]
	}
	for _, r := range []*ropeFields{o.RopeScaling, o.RopeParameters} {
		if r == nil {
			continue
		}
		if r.AttentionFactor != nil {
			return errors.New("rope_scaling.attention_factor is not supported; it follows from factor, mscale and mscale_all_dim")
		}
		if r.RopeTheta != 0 {
			cfg.RopeTheta = r.RopeTheta
		}
		rs := r.RopeScaling
		if r.RopeType != "" {
			rs.Type = r.RopeType
		}
		if rs.Type != "" && rs.Type != "default" {
			cfg.RopeScaling = &rs
		}
	}
	switch {
	case cfg.QKNorm:
		return errors.New("use_qk_norm is not supported: neither deepseek_v3 nor llama defines what it normalises")
	case o.AttentionBias || o.MLPBias:
		return errors.New("attention_bias and mlp_bias are not supported: this model has no bias vectors")
	case o.RopeInterleave != nil && !*o.RopeInterleave:
		return errors.New("rope_interleave false is not supported: multi-head latent attention rotates neighbouring pairs")
	}
	return nil
}

// asLlama completes a dense model with grouped-query attention.
func asLlama(cfg model.Config) model.Config {
	if cfg.HeadDim == 0 && cfg.NumAttentionHeads > 0 {
		cfg.HeadDim = cfg.HiddenSize / cfg.NumAttentionHeads
	}
	cfg.NumKeyValueHeads = cfg.KVHeads()
	cfg.KVLoraRank, cfg.NRoutedExperts = 0, 0
	return cfg
}

// asDeepseek completes a model with multi-head latent attention.
func asDeepseek(cfg model.Config) (model.Config, error) {
	if cfg.KVLoraRank <= 0 {
		return cfg, fmt.Errorf("kv_lora_rank is %d, want a positive number", cfg.KVLoraRank)
	}
	cfg.HeadDim = 0                              // Transformers stores qk_rope_head_dim under that name
	cfg.NumKeyValueHeads = cfg.NumAttentionHeads // without meaning here, and often left at its default
	if cfg.FirstKDenseReplace >= cfg.NumHiddenLayers {
		cfg.NRoutedExperts = 0
	}
	if cfg.NRoutedExperts == 0 { // dense
		cfg.NSharedExperts, cfg.NumExpertsPerTok, cfg.MoeIntermediateSize, cfg.FirstKDenseReplace = 0, 0, 0, 0
		cfg.RoutedScalingFactor, cfg.NormTopkProb, cfg.ScoringFunc, cfg.TopkMethod = 0, false, "", ""
		cfg.NGroup, cfg.TopkGroup, cfg.MoeLayerFreq = 0, 0, 0
	}
	return cfg, nil
}
