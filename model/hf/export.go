package hf

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"muonclip/internal/atomicfile"
	"muonclip/internal/safetensors"
	"muonclip/model"
)

// Options of Export. The zero value writes F32 weights in shards of 5 GB, without a tokenizer.
type Options struct {
	DType         safetensors.DType // F32 (also "") or BF16; the router's correction bias is always F32
	MaxShardBytes int64             // the most tensor bytes in a file; 0 means 5,000,000,000
	Force         bool              // replace an earlier export: a folder with a config.json

	// Tokenizer writes the tokenizer's files into a folder; nil for none. TokenizerDir copies the
	// known tokenizer files of a folder instead; "" for none.
	Tokenizer    func(dir string) error
	TokenizerDir string

	Name string // title of the model card; "" means the name of the folder
	Card string // Markdown that the model card goes on with, for example how the model was trained
}

// Report says what an export wrote.
type Report struct {
	Files       []string // by name, sorted
	WeightBytes int64
	Warnings    []string // traps that other programs have for this model
}

const defaultShardBytes = 5_000_000_000

// Export writes a folder that Hugging Face programs load: weights, config.json,
// generation_config.json, the tokenizer, a chat template and a model card. The tensors have
// deepseek_v3 names and are written in the given order. The folder appears whole or not at all;
// one that exists and is not empty is an error that wraps fs.ErrExist, unless Options.Force is set
// and it is a model folder.
func Export(dir string, opts Options, cfg model.Config, tensors []safetensors.Tensor) (Report, error) {
	r, err := export(dir, opts, cfg, tensors)
	if err != nil {
		return Report{}, fmt.Errorf("hf: export to %s: %w", dir, err)
	}
	return r, nil
}

func export(dir string, opts Options, cfg model.Config, tensors []safetensors.Tensor) (Report, error) {
	if opts.DType == "" {
		opts.DType = safetensors.F32
	}
	if torchNames[opts.DType] == "" {
		return Report{}, fmt.Errorf("dtype %q cannot be exported; choose F32 or BF16", opts.DType)
	}
	if opts.MaxShardBytes < 0 {
		return Report{}, fmt.Errorf("a shard of %d bytes is too small", opts.MaxShardBytes)
	}
	if opts.MaxShardBytes == 0 {
		opts.MaxShardBytes = defaultShardBytes
	}
	if opts.Name == "" {
		opts.Name = filepath.Base(filepath.Clean(dir))
	}
	if err := cfg.Validate(); err != nil {
		return Report{}, err
	}
	config, err := configJSON(cfg, opts.DType)
	if err != nil {
		return Report{}, err
	}
	tensors, err = checkHead(cfg, tensors)
	if err != nil {
		return Report{}, err
	}
	if opts.Force {
		// A folder that is no model is nobody's earlier export, and may be somebody's home.
		_, err := os.Stat(filepath.Join(dir, configFile))
		opts.Force = err == nil
	}
	r := Report{Warnings: traps(cfg)}
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(dir)), 0o777); err != nil {
		return Report{}, err
	}
	err = atomicfile.WriteDir(dir, opts.Force, func(tmp string) error {
		if r.WeightBytes, err = writeShards(tmp, opts, tensors); err != nil {
			return err
		}
		if err := writeJSON(filepath.Join(tmp, configFile), config); err != nil {
			return err
		}
		t, err := writeTokenizer(tmp, opts, cfg)
		if err != nil {
			return err
		}
		r.Warnings = append(r.Warnings, t.warnings...)
		if err := writeJSON(filepath.Join(tmp, generationFile), generation(cfg, t.turnEnd)); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(tmp, cardFile), []byte(card(opts, cfg, tensors, r.Warnings)), 0o666); err != nil {
			return err
		}
		entries, err := os.ReadDir(tmp)
		for _, e := range entries {
			r.Files = append(r.Files, e.Name())
		}
		return err
	})
	return r, err
}

// checkHead verifies the tensors that the config speaks about, and drops the copy of the
// embedding that a tied head is.
func checkHead(cfg model.Config, tensors []safetensors.Tensor) ([]safetensors.Tensor, error) {
	find := func(name string) int {
		return slices.IndexFunc(tensors, func(t safetensors.Tensor) bool { return t.Name == name })
	}
	embed, head := find(embedName), find(headName)
	if embed < 0 {
		return nil, fmt.Errorf("the tensors lack %s", embedName)
	}
	want := []int{cfg.VocabSize, cfg.HiddenSize}
	if got := tensors[embed].Shape; !slices.Equal(got, want) {
		return nil, fmt.Errorf("%s has the shape %v, the config says %v", embedName, got, want)
	}
	switch {
	case head < 0 && !cfg.TieWordEmbeddings:
		return nil, fmt.Errorf("the tensors lack %s, and the config does not tie it to the embedding", headName)
	case head >= 0 && cfg.TieWordEmbeddings:
		if !slices.Equal(tensors[head].Data, tensors[embed].Data) {
			return nil, fmt.Errorf("the config ties %s to %s, but they differ", headName, embedName)
		}
		return slices.Delete(slices.Clone(tensors), head, head+1), nil
	}
	return tensors, nil
}

// generationConfig is generation_config.json.
type generationConfig struct {
	BosTokenID int `json:"bos_token_id"`
	EosTokenID any `json:"eos_token_id"` // a number, or the list of all that end a text
	PadTokenID int `json:"pad_token_id"`
	MaxLength  int `json:"max_length"`
}

// generation stops at the end of a turn too, whose id is turnEnd (-1: the tokenizer has none).
func generation(cfg model.Config, turnEnd int) generationConfig {
	g := generationConfig{BosTokenID: cfg.BosTokenID, EosTokenID: cfg.EosTokenID, PadTokenID: cfg.PadTokenID, MaxLength: cfg.MaxPositionEmbeddings}
	if turnEnd >= 0 && turnEnd != cfg.EosTokenID {
		g.EosTokenID = []int{cfg.EosTokenID, turnEnd}
	}
	return g
}

func writeJSON(path string, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o666)
}

// dtypeOf is the stored dtype of a tensor: Transformers keeps the correction bias in float32,
// where steps of 0.001 are not lost.
func dtypeOf(t safetensors.Tensor, dtype safetensors.DType) safetensors.DType {
	if strings.HasSuffix(t.Name, biasEnd) {
		return safetensors.F32
	}
	return dtype
}
