package hf

import (
	"fmt"
	"strings"

	"muonclip/internal/safetensors"
	"muonclip/model"
)

// card is the model card, README.md of the folder.
func card(opts Options, cfg model.Config, tensors []safetensors.Tensor, warnings []string) string {
	params := 0
	for _, t := range tensors {
		params += len(t.Data)
	}
	kind := "llama: dense, grouped-query attention"
	if cfg.MLA() {
		kind = "deepseek_v3: dense, multi-head latent attention"
	}
	if cfg.NRoutedExperts > 0 {
		kind = fmt.Sprintf("deepseek_v3: multi-head latent attention, %d routed experts of which %d act on a token, %d shared",
			cfg.NRoutedExperts, cfg.NumExpertsPerTok, cfg.NSharedExperts)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "---\nlibrary_name: transformers\npipeline_tag: text-generation\ntags:\n- muonclip\n---\n\n# %s\n\n", opts.Name)
	fmt.Fprintf(&b, "| | |\n|---|---|\n| architecture | %s |\n| parameters | %d |\n| layers, hidden size, heads | %d, %d, %d |\n| vocabulary | %d |\n| context | %d tokens |\n| weights | %s |\n\n",
		kind, params, cfg.NumHiddenLayers, cfg.HiddenSize, cfg.NumAttentionHeads, cfg.VocabSize, cfg.MaxPositionEmbeddings, torchNames[opts.DType])
	b.WriteString("```python\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\nmodel = AutoModelForCausalLM.from_pretrained(\"path/to/this/folder\", torch_dtype=\"auto\")\ntokenizer = AutoTokenizer.from_pretrained(\"path/to/this/folder\")\n```\n")
	if len(warnings) > 0 {
		b.WriteString("\n## Known traps\n\n")
		for _, w := range warnings {
			fmt.Fprintf(&b, "- %s\n", w)
		}
	}
	if opts.Card != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(opts.Card))
	}
	return b.String()
}
