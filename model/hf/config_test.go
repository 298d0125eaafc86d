package hf

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/internal/safetensors"
	"muonclip/model"
)

// with returns a changed copy of a config.
func with(cfg model.Config, change func(*model.Config)) model.Config {
	change(&cfg)
	return cfg
}

func TestConfigRoundTrip(t *testing.T) {
	cases := map[string]model.Config{
		"everything":        small(),
		"no q_lora":         with(small(), func(c *model.Config) { c.QLoraRank = 0 }),
		"no YaRN":           with(small(), func(c *model.Config) { c.RopeScaling = nil }),
		"tied":              with(small(), func(c *model.Config) { c.TieWordEmbeddings = true }),
		"no shared experts": with(small(), func(c *model.Config) { c.NSharedExperts = 0 }),
		"no normalisation":  with(small(), func(c *model.Config) { c.NormTopkProb = false }),
		"all layers sparse": with(small(), func(c *model.Config) { c.FirstKDenseReplace = 0 }),
		"llama":             dense(),
		"llama with YaRN": with(dense(), func(c *model.Config) {
			c.RopeScaling = &model.RopeScaling{Type: "yarn", Factor: 2, OriginalMaxPositionEmbeddings: 64, BetaFast: 16, BetaSlow: 2, Mscale: 1}
		}),
		"dense MLA": {
			VocabSize: 64, HiddenSize: 16, IntermediateSize: 24, NumHiddenLayers: 2, NumAttentionHeads: 2, NumKeyValueHeads: 2,
			KVLoraRank: 8, QKNopeHeadDim: 6, QKRopeHeadDim: 4, VHeadDim: 6, HiddenAct: "silu",
			RMSNormEps: 1e-6, RopeTheta: 50000, MaxPositionEmbeddings: 256, InitializerRange: 0.02, EosTokenID: 1,
		},
	}
	for name, cfg := range cases {
		t.Run(name, func(t *testing.T) {
			v, err := configJSON(cfg, safetensors.BF16)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if err := writeJSON(filepath.Join(dir, configFile), v); err != nil {
				t.Fatal(err)
			}
			got, err := ReadConfig(dir)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(cfg, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestConfigText pins what other programs are picky about.
func TestConfigText(t *testing.T) {
	text := func(cfg model.Config) string {
		v, err := configJSON(cfg, safetensors.BF16)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	cases := map[string]struct {
		cfg  model.Config
		want []string
	}{
		"deepseek": {small(), []string{
			`"architectures":["DeepseekV3ForCausalLM"]`, `"model_type":"deepseek_v3"`, `"torch_dtype":"bfloat16"`, `"rope_theta":50000.0`,
			`"rms_norm_eps":1e-06`, `"routed_scaling_factor":2.0`, `"q_lora_rank":12`, `"type":"yarn"`, `"rope_type":"yarn"`, `"factor":4.0`,
			`"n_group":1`, `"topk_group":1`, `"rope_interleave":true`, `"attention_bias":false`, `"num_nextn_predict_layers":0`,
		}},
		"zero meanings": {with(small(), func(c *model.Config) {
			c.QLoraRank, c.NumKeyValueHeads, c.ScoringFunc, c.TopkMethod, c.NGroup, c.TopkGroup, c.MoeLayerFreq, c.HiddenAct = 0, 0, "", "", 0, 0, 0, ""
			c.RopeScaling = &model.RopeScaling{Factor: 4, OriginalMaxPositionEmbeddings: 64}
		}), []string{
			`"q_lora_rank":null`, `"num_key_value_heads":2`, `"scoring_func":"sigmoid"`, `"topk_method":"noaux_tc"`, `"n_group":1`, `"moe_layer_freq":1`,
			`"hidden_act":"silu"`, `"beta_fast":32.0`, `"beta_slow":1.0`, `"mscale":1.0`, `"mscale_all_dim":0.0`,
		}},
		"llama": {dense(), []string{
			`"architectures":["LlamaForCausalLM"]`, `"model_type":"llama"`, `"head_dim":6`, `"num_key_value_heads":2`, `"rope_scaling":null`, `"tie_word_embeddings":true`,
		}},
	}
	for name, c := range cases {
		got := text(c.cfg)
		for _, part := range c.want {
			if !strings.Contains(got, part) {
				t.Errorf("%s: config.json lacks %s: %s", name, part, got)
			}
		}
	}
	if strings.Contains(text(dense()), "n_routed_experts") || strings.Contains(text(small()), `"head_dim"`) {
		t.Error("a field of the other architecture is in config.json")
	}
}

func TestConfigsWithoutAnArchitecture(t *testing.T) {
	cases := map[string]model.Config{
		"mixture with grouped-query attention": with(dense(), func(c *model.Config) {
			c.NRoutedExperts, c.NumExpertsPerTok, c.MoeIntermediateSize, c.RoutedScalingFactor = 4, 2, 8, 1
		}),
		"llama with mscale_all_dim": with(dense(), func(c *model.Config) {
			c.RopeScaling = &model.RopeScaling{Factor: 4, OriginalMaxPositionEmbeddings: 64, MscaleAllDim: 1}
		}),
	}
	for name, cfg := range cases {
		if err := cfg.Validate(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := configJSON(cfg, safetensors.F32); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestReadConfig(t *testing.T) {
	const deepseek = `"model_type":"deepseek_v3","n_group":1,"topk_group":1`
	cases := map[string]struct {
		text  string
		check func(model.Config) bool
	}{
		"defaults of deepseek_v3": {`{` + deepseek + `}`, func(c model.Config) bool {
			return c.HiddenSize == 7168 && c.NumHiddenLayers == 61 && c.NRoutedExperts == 256 && c.NormTopkProb && c.FirstKDenseReplace == 3 &&
				c.RoutedScalingFactor == 2.5 && c.RopeTheta == 10000 && c.QLoraRank == 1536 && c.EosTokenID == 1 && c.RopeScaling == nil && c.NumKeyValueHeads == 128
		}},
		"kimi_k2": {`{"architectures":["DeepseekV3ForCausalLM"],"model_type":"kimi_k2","num_hidden_layers":61,"hidden_size":7168,"num_attention_heads":64,
			"num_key_value_heads":64,"n_routed_experts":384,"num_experts_per_tok":8,"moe_intermediate_size":2048,"intermediate_size":18432,
			"first_k_dense_replace":1,"n_group":1,"topk_group":1,"routed_scaling_factor":2.827,"vocab_size":163840,"rope_theta":50000.0,
			"rope_scaling":{"type":"yarn","factor":32.0,"original_max_position_embeddings":4096,"beta_fast":1.0,"beta_slow":1.0,"mscale":1.0,"mscale_all_dim":1.0},
			"max_position_embeddings":131072,"bos_token_id":163584,"eos_token_id":163586,"pad_token_id":163839,
			"quantization_config":{"quant_method":"fp8"},"auto_map":{"AutoConfig":"x.Y"}}`, func(c model.Config) bool {
			return c.NRoutedExperts == 384 && c.NumAttentionHeads == 64 && c.RopeScaling.Factor == 32 && c.RopeScaling.BetaFast == 1 &&
				c.PadTokenID == 163839 && c.QLoraRank == 1536 && c.KVLoraRank == 512
		}},
		"null q_lora_rank and pad": {`{` + deepseek + `,"q_lora_rank":null,"pad_token_id":null,"rope_scaling":null}`, func(c model.Config) bool {
			return c.QLoraRank == 0 && c.PadTokenID == 0 && c.RopeScaling == nil
		}},
		"rope_type": {`{` + deepseek + `,"rope_scaling":{"rope_type":"yarn","factor":4,"original_max_position_embeddings":64}}`, func(c model.Config) bool {
			return c.RopeScaling.Type == "yarn" && c.RopeScaling.Factor == 4
		}},
		"default rope": {`{` + deepseek + `,"rope_scaling":{"rope_type":"default"}}`, func(c model.Config) bool { return c.RopeScaling == nil }},
		"rope_parameters": {`{` + deepseek + `,"rope_parameters":{"rope_type":"yarn","rope_theta":123.0,"factor":4,"original_max_position_embeddings":64}}`, func(c model.Config) bool {
			return c.RopeTheta == 123 && c.RopeScaling.Factor == 4
		}},
		"head_dim that Transformers stores": {`{` + deepseek + `,"head_dim":64}`, func(c model.Config) bool { return c.HeadDim == 0 }},
		"only dense layers": {`{` + deepseek + `,"num_hidden_layers":3}`, func(c model.Config) bool {
			return c.NRoutedExperts == 0 && c.FirstKDenseReplace == 0
		}},
		"llama": {`{"model_type":"llama","num_attention_heads":8,"hidden_size":64,"eos_token_id":[7,8]}`, func(c model.Config) bool {
			return c.HeadDim == 8 && c.NumKeyValueHeads == 8 && c.VocabSize == 32000 && c.EosTokenID == 7 && c.BosTokenID == 1 && c.KVLoraRank == 0
		}},
		"llama with grouped queries": {`{"model_type":"llama","num_key_value_heads":4,"head_dim":16,"num_attention_heads":8}`, func(c model.Config) bool {
			return c.HeadDim == 16 && c.NumKeyValueHeads == 4
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, map[string]string{configFile: c.text})
			cfg, err := ReadConfig(dir)
			if err != nil {
				t.Fatal(err)
			}
			if !c.check(cfg) {
				t.Errorf("%+v", cfg)
			}
		})
	}
}

func TestReadConfigErrors(t *testing.T) {
	const deepseek = `"model_type":"deepseek_v3","n_group":1,"topk_group":1`
	cases := map[string]struct{ text, want string }{
		"no JSON":                          {`{`, "no JSON object"},
		"a list":                           {`[]`, "no JSON object"},
		"null":                             {`null`, "null"},
		"no type":                          {`{}`, "no model_type"},
		"other type":                       {`{"model_type":"mamba"}`, `"mamba" is not supported; supported are deepseek_v3, kimi_k2 and llama`},
		"text for number":                  {`{` + deepseek + `,"hidden_size":"big"}`, "hidden_size"},
		"groups":                           {`{"model_type":"deepseek_v3","n_group":8,"topk_group":4}`, "n_group 8"},
		"groups by Hugging Face's default": {`{"model_type":"deepseek_v3"}`, `add "n_group": 1`},
		"bias":                             {`{` + deepseek + `,"attention_bias":true}`, "attention_bias"},
		"llama bias":                       {`{"model_type":"llama","mlp_bias":true}`, "mlp_bias"},
		"halves":                           {`{` + deepseek + `,"rope_interleave":false}`, "rope_interleave"},
		"rope of llama 3":                  {`{"model_type":"llama","rope_scaling":{"rope_type":"llama3","factor":8,"original_max_position_embeddings":8192}}`, `"llama3" is not supported`},
		"attention factor":                 {`{` + deepseek + `,"rope_scaling":{"type":"yarn","factor":8,"original_max_position_embeddings":64,"attention_factor":1}}`, "attention_factor"},
		"no kv_lora_rank":                  {`{` + deepseek + `,"kv_lora_rank":null}`, "kv_lora_rank is 0"},
		"end of text":                      {`{` + deepseek + `,"eos_token_id":"x"}`, "eos_token_id"},
		"softmax router":                   {`{` + deepseek + `,"scoring_func":"softmax"}`, "scoring_func"},
		"normalised heads":                 {`{` + deepseek + `,"use_qk_norm":true}`, "use_qk_norm is not supported"},
		"gelu":                             {`{"model_type":"llama","hidden_act":"gelu"}`, "hidden_act"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, map[string]string{configFile: c.text})
			if _, err := ReadConfig(dir); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("error %v, want one with the path and %q", err, c.want)
			}
		})
	}
	if _, err := ReadConfig(t.TempDir()); !os.IsNotExist(unwrapAll(err)) {
		t.Errorf("a folder without config.json: %v", err)
	}
}

// TestNoQKNorm: a model with normalised heads is no architecture that others know.
func TestNoQKNorm(t *testing.T) {
	for _, cfg := range []model.Config{small(), dense()} {
		cfg.QKNorm = true
		if _, err := configJSON(cfg, safetensors.F32); err == nil || !strings.Contains(err.Error(), "use_qk_norm") {
			t.Errorf("error %v, want one about use_qk_norm", err)
		}
	}
}

func unwrapAll(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok || os.IsNotExist(err) {
			return err
		}
		err = u.Unwrap()
	}
}

func TestTraps(t *testing.T) {
	cases := map[string]struct {
		cfg  model.Config
		want string // "" for no warning
	}{
		"none":           {small(), ""},
		"62 layers":      {with(small(), func(c *model.Config) { c.NumHiddenLayers = 62 }), "model.layers.61"},
		"61 layers":      {with(small(), func(c *model.Config) { c.NumHiddenLayers = 61 }), ""},
		"llama layers":   {with(dense(), func(c *model.Config) { c.NumHiddenLayers = 80 }), ""},
		"eps":            {with(small(), func(c *model.Config) { c.RMSNormEps = 1e-5 }), "rms_norm_eps 1e-05"},
		"no shared":      {with(small(), func(c *model.Config) { c.NSharedExperts = 0 }), "no shared experts"},
		"one expert":     {with(small(), func(c *model.Config) { c.NRoutedExperts = 1 }), "one routed expert"},
		"odd llama":      {with(dense(), func(c *model.Config) { c.HiddenSize = 18 }), "no multiple"},
		"unpaired scale": {with(small(), func(c *model.Config) { c.RopeScaling = &model.RopeScaling{Factor: 2, Mscale: 0.5} }), "mscale 0.5"},
	}
	for name, c := range cases {
		got := strings.Join(traps(c.cfg), "\n")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: warnings %q, want %q", name, got, c.want)
		}
	}
}

// FuzzConfig feeds arbitrary text to the parser: what it accepts must survive an export.
func FuzzConfig(f *testing.F) {
	for _, cfg := range []model.Config{small(), dense()} {
		v, err := configJSON(cfg, safetensors.F32)
		if err != nil {
			f.Fatal(err)
		}
		b, err := json.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		cfg, _, err := parseConfig(text)
		if err != nil || cfg.Validate() != nil {
			return
		}
		v, err := configJSON(cfg, safetensors.F32)
		if err != nil {
			return
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := parseConfig(b)
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if again.HiddenSize != cfg.HiddenSize || again.NumHiddenLayers != cfg.NumHiddenLayers || again.QLoraRank != cfg.QLoraRank ||
			again.NRoutedExperts != cfg.NRoutedExperts || again.RopeTheta != cfg.RopeTheta || again.HeadDim != cfg.HeadDim {
			t.Fatal(cmp.Diff(cfg, again))
		}
	})
}
