package hf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"muonclip/internal/safetensors"
	"muonclip/model"
)

// Import fills the Data of every wanted tensor from the safetensors files of a model folder, and
// allocates it where nil. F32, BF16 and F16 are widened, F64 is rounded. Names and shapes must
// agree: otherwise nothing is read and the error wraps a [*safetensors.Mismatch] that names every
// missing, extra and wrongly shaped tensor. Accepted as extra are rotary inv_freq tables, the
// layers for multi-token prediction, and the head of a model that ties it to its embedding; such
// a head is filled from the embedding where it is wanted but not stored.
func Import(dir string, want []safetensors.Tensor) error {
	if err := importInto(dir, want); err != nil {
		return fmt.Errorf("hf: import %s: %w", dir, err)
	}
	return nil
}

func importInto(dir string, want []safetensors.Tensor) error {
	files, err := openWeights(dir)
	if err != nil {
		return err
	}
	defer closeAll(files)
	var cfg model.Config
	var other otherFields
	text, err := os.ReadFile(filepath.Join(dir, configFile))
	if err == nil {
		cfg, other, err = parseConfig(text)
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil // weights alone will do; nothing is tied then
	}
	if err != nil {
		return fmt.Errorf("%s: %w", configFile, err)
	}
	if err := refuseFP8(files); err != nil {
		return err
	}
	ignore := func(name string) bool {
		return strings.HasSuffix(name, ".inv_freq") || cfg.TieWordEmbeddings && name == headName ||
			other.NextnLayers > 0 && layerOf(name) >= cfg.NumHiddenLayers
	}
	head := slices.IndexFunc(want, func(t safetensors.Tensor) bool { return t.Name == headName })
	if head < 0 || !cfg.TieWordEmbeddings || stored(files, headName) {
		return safetensors.Fill(want, files, ignore)
	}
	// A tied head that is not stored: read the embedding in its place.
	rest := slices.Delete(slices.Clone(want), head, head+1)
	embed := slices.IndexFunc(rest, func(t safetensors.Tensor) bool { return t.Name == embedName })
	if embed < 0 || !slices.Equal(rest[embed].Shape, want[head].Shape) {
		return fmt.Errorf("%s is tied to %s, which must be wanted too and have the same shape", headName, embedName)
	}
	if err := safetensors.Fill(rest, files, ignore); err != nil {
		return err
	}
	filled := slices.Clone(rest[embed].Data)
	if data := want[head].Data; data != nil {
		if len(data) != len(filled) {
			return fmt.Errorf("%s has memory for %d elements, not %d", headName, len(data), len(filled))
		}
		copy(data, filled)
		filled = data
	}
	rest = slices.Insert(rest, head, want[head])
	rest[head].Data = filled
	copy(want, rest)
	return nil
}

func stored(files []*safetensors.File, name string) bool {
	return slices.ContainsFunc(files, func(f *safetensors.File) bool { _, ok := f.Info(name); return ok })
}

// refuseFP8 says what to do about a quantised checkpoint, such as the published Kimi K2, before
// its many scale tensors are reported as extra.
func refuseFP8(files []*safetensors.File) error {
	for _, f := range files {
		for _, t := range f.Infos() {
			if strings.HasPrefix(string(t.DType), "F8_") {
				return fmt.Errorf("tensor %s is stored as %s; quantised checkpoints are not read, convert it to BF16 first", t.Name, t.DType)
			}
		}
	}
	return nil
}

// layerOf is N of a name model.layers.N.…, -1 for other names.
func layerOf(name string) int {
	rest, ok := strings.CutPrefix(name, "model.layers.")
	digits, _, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil {
		return -1
	}
	return n
}
