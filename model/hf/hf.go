// Package hf exchanges models with the Hugging Face ecosystem: it writes folders that load as
// deepseek_v3 (multi-head latent attention) or llama (dense, grouped-query attention), and reads
// folders of those and of kimi_k2. The layout is described in docs/formats/hf.md.
package hf

import "strconv"

// Names of the files in a model folder.
const (
	configFile     = "config.json"
	generationFile = "generation_config.json"
	weightsFile    = "model.safetensors"
	indexFile      = "model.safetensors.index.json"
	templateFile   = "chat_template.jinja"
	cardFile       = "README.md"
)

const (
	embedName = "model.embed_tokens.weight"
	headName  = "lm_head.weight"
	biasEnd   = "e_score_correction_bias"
)

// float is a number that is written with a point or an exponent even when whole: the strict
// config classes of Transformers refuse an integer where they want a float.
type float float64

// MarshalJSON writes 1 as 1.0.
func (f float) MarshalJSON() ([]byte, error) {
	b := strconv.AppendFloat(nil, float64(f), 'g', -1, 64)
	for _, c := range b {
		if c == '.' || c == 'e' {
			return b, nil
		}
	}
	return append(b, ".0"...), nil
}
