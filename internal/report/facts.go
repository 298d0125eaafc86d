package report

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// fact is a figure of the manifest that the report knows how to name.
type fact struct {
	key, name string
	form      func(float64) string // nil: as it is written
}

var environmentFacts = []fact{
	{"muonclip_version", "muonclip", nil}, {"go_version", "Go", nil}, {"cpu", "CPU", nil}, {"threads", "Threads", nil},
	{"peak_gflops", "Measured peak", func(v float64) string { return si(v*1e9) + "FLOP/s" }},
	{"seed", "Seed", nil}, {"preset", "Preset", nil}, {"started", "Started", nil}, {"finished", "Finished", nil},
	{"config_fingerprint", "Config fingerprint", nil}, {"tokenizer_fingerprint", "Tokenizer fingerprint", nil},
}

var dataFacts = []fact{
	{"tokens_train", "Tokens, train", grouped}, {"tokens_val", "Tokens, held-out", grouped}, {"documents", "Documents", grouped},
	{"unigram_loss", "Unigram baseline, nats/token", positiveDigits},
}

// positiveDigits is empty for a figure that was not measured.
func positiveDigits(v float64) string {
	if v <= 0 {
		return ""
	}
	return digits(v, 5)
}

// elsewhere are keys of the manifest that other parts of the page show.
var elsewhere = []string{"parameters_total", "parameters_activated", "command", "corpus"}

// facts shows the figures of a list that the manifest has.
func (in *input) facts(list []fact) []setting {
	var out []setting
	for _, f := range list {
		v, ok := in.manifest[f.key]
		if !ok || v == nil {
			continue
		}
		text := scalar(v)
		if n := in.number(f.key); f.form != nil && !math.IsNaN(n) {
			if text = f.form(n); text == "" {
				continue
			}
		}
		out = append(out, setting{f.name, visible(shorten(text, 300))})
	}
	return out
}

// data gives the statistics of the corpus: the known figures, then whatever the manifest has below "corpus".
func (in *input) data() []setting {
	out := in.facts(dataFacts)
	return flattenJSON(out, "", in.manifest["corpus"], 0)
}

// environment gives the known figures and then every other scalar of the manifest, so that nothing in it is hidden.
func (in *input) environment() []setting {
	out := in.facts(environmentFacts)
	shown := slices.Clone(elsewhere)
	for _, f := range slices.Concat(environmentFacts, dataFacts) {
		shown = append(shown, f.key)
	}
	rest := map[string]any{}
	for k, v := range in.manifest {
		if !slices.Contains(shown, k) {
			rest[k] = v
		}
	}
	return flattenJSON(out, "", rest, 0)
}

// flattenJSON lists the leaves of a JSON value below a readable name, in the order of their keys.
func flattenJSON(out []setting, name string, v any, depth int) []setting {
	const most = 300
	if v == nil || len(out) >= most || depth > 8 {
		return out
	}
	if list, ok := v.([]any); ok && len(list) > 0 && isObject(list[0]) {
		for i, item := range list {
			label := fmt.Sprintf("%s %d", name, i+1)
			if m, ok := item.(map[string]any); ok {
				if title := scalar(m["name"]); title != "" {
					label = name + ", " + title
					item = without(m, "name")
				}
			}
			out = flattenJSON(out, label, item, depth+1)
		}
		return out
	}
	m, ok := v.(map[string]any)
	if ok && len(m) == 2 && m["documents"] != nil && m["bytes"] != nil { // a count of the corpus
		return append(out, setting{visible(shorten(name, 120)), visible(readable(m["documents"]) + " documents, " + bytesText(m["bytes"]))})
	}
	if !ok {
		return append(out, setting{visible(shorten(name, 120)), visible(shorten(readable(v), 300))})
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		label := strings.ReplaceAll(k, "_", " ")
		if name != "" {
			label = name + ", " + label
		} else if label != "" {
			label = strings.ToUpper(label[:1]) + label[1:]
		}
		out = flattenJSON(out, label, m[k], depth+1)
	}
	return out
}

func isObject(v any) bool {
	_, ok := v.(map[string]any)
	return ok
}

func without(m map[string]any, key string) map[string]any {
	rest := maps.Clone(m)
	delete(rest, key)
	return rest
}

// bytesText writes a number of bytes as a size.
func bytesText(v any) string {
	if n, ok := v.(json.Number); ok {
		if i, err := n.Int64(); err == nil {
			return byteSize(i)
		}
	}
	return scalar(v) + " bytes"
}

// readable groups the digits of large whole numbers.
func readable(v any) string {
	if n, ok := v.(json.Number); ok {
		if i, err := n.Int64(); err == nil && (i >= 1000 || i <= -1000) {
			return grouped(float64(i))
		}
	}
	return scalar(v)
}

// highlightKeys are the settings most asked for, as a key or the end of one, in the order shown.
var highlightKeys = []string{
	"vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "n_routed_experts", "num_experts_per_tok", "n_shared_experts",
	"moe_intermediate_size", "intermediate_size", "q_lora_rank", "kv_lora_rank", "rope_theta", "tie_word_embeddings",
	"train.steps", "batch_size", "micro_batch_size", "seq_len", "lr", "schedule", "warmup_steps", "decay_fraction", "min_lr_ratio", "weight_decay", "momentum",
	"grad_clip", "router_bias_update_rate", "aux_loss_alpha", "qk_clip.enabled", "qk_clip.tau", "qk_clip.alpha", "max_bytes", "val_fraction",
}

// highlights picks the settings of highlightKeys that the configuration has.
func (in *input) highlights() []setting {
	var out []setting
	for _, key := range highlightKeys {
		for _, s := range in.config {
			if s.Key == key || strings.HasSuffix(s.Key, "."+key) {
				out = append(out, setting{visible(s.Key), visible(shorten(s.Value, 120))})
			}
		}
	}
	return out[:min(len(out), 60)]
}

// command is the command line that made the run, as one can paste it into a shell.
func (in *input) command() string {
	switch v := in.manifest["command"].(type) {
	case string:
		return visible(v)
	case []any:
		words := make([]string, len(v))
		for i, w := range v {
			words[i] = quote(scalar(w))
		}
		return visible(strings.Join(words, " "))
	}
	return ""
}

// quote writes a word for a POSIX shell.
func quote(s string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=:,@%+", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !safe(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
