package hf

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"muonclip/internal/safetensors"
)

// index is model.safetensors.index.json: which file holds which tensor.
type index struct {
	Metadata struct {
		TotalSize int64 `json:"total_size"`
	} `json:"metadata"`
	WeightMap map[string]string `json:"weight_map"`
}

// writeShards writes the weights, to one file where they fit, and returns their bytes. A tensor
// above the limit gets a file of its own.
func writeShards(dir string, opts Options, tensors []safetensors.Tensor) (int64, error) {
	var shards [][]safetensors.Tensor
	total, room := int64(0), int64(0)
	for _, t := range tensors {
		n := int64(len(t.Data)) * int64(dtypeOf(t, opts.DType).Size())
		if len(shards) == 0 || n > room && len(shards[len(shards)-1]) > 0 {
			shards, room = append(shards, nil), opts.MaxShardBytes
		}
		last := len(shards) - 1
		shards[last] = append(shards[last], t)
		total, room = total+n, room-n
	}
	if len(shards) == 1 {
		return total, writeShard(filepath.Join(dir, weightsFile), opts, shards[0])
	}
	ix := index{WeightMap: map[string]string{}}
	ix.Metadata.TotalSize = total
	for i, shard := range shards {
		name := fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, len(shards))
		if err := writeShard(filepath.Join(dir, name), opts, shard); err != nil {
			return 0, err
		}
		for _, t := range shard {
			if ix.WeightMap[t.Name] != "" {
				return 0, fmt.Errorf("two tensors are called %q", t.Name)
			}
			ix.WeightMap[t.Name] = name
		}
	}
	return total, writeJSON(filepath.Join(dir, indexFile), ix)
}

func writeShard(path string, opts Options, tensors []safetensors.Tensor) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(f, 1<<20)
	dtype := func(t safetensors.Tensor) safetensors.DType { return dtypeOf(t, opts.DType) }
	// Transformers refuses a file that does not say which framework's layout it has.
	err = safetensors.WriteMixed(b, tensors, dtype, map[string]string{"format": "pt"})
	if err == nil {
		err = b.Flush()
	}
	return errors.Join(err, f.Close())
}

// openWeights opens the weight files of a model folder: those of its index, or else every
// safetensors file.
func openWeights(dir string) (files []*safetensors.File, err error) {
	names, ix, err := weightFiles(dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			closeAll(files)
			files = nil
		}
	}()
	byName := map[string]*safetensors.File{}
	for _, name := range names {
		f, err := safetensors.Open(filepath.Join(dir, name))
		if err != nil {
			return files, err
		}
		files = append(files, f)
		byName[name] = f
	}
	for _, tensor := range slices.Sorted(maps.Keys(ix)) {
		if _, ok := byName[ix[tensor]].Info(tensor); !ok {
			return files, fmt.Errorf("%s says that %s holds %s, but it does not: the index and the files are of different exports", indexFile, ix[tensor], tensor)
		}
	}
	return files, nil
}

// weightFiles lists the weight files of dir and, where there is an index, its map of tensors.
func weightFiles(dir string) ([]string, map[string]string, error) {
	text, err := os.ReadFile(filepath.Join(dir, indexFile))
	if errors.Is(err, fs.ErrNotExist) {
		names, err := looseFiles(dir)
		return names, nil, err
	}
	if err != nil {
		return nil, nil, err
	}
	var ix index
	if err := json.Unmarshal(text, &ix); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", indexFile, err)
	}
	if len(ix.WeightMap) == 0 {
		return nil, nil, fmt.Errorf("%s has no weight_map", indexFile)
	}
	names := slices.Compact(slices.Sorted(maps.Values(ix.WeightMap)))
	var missing []string
	for _, name := range names {
		if name != filepath.Base(name) || !strings.HasSuffix(name, ".safetensors") {
			return nil, nil, fmt.Errorf("%s names the file %q, which is no safetensors file of this folder", indexFile, name)
		}
		if _, err := os.Stat(filepath.Join(dir, name)); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return nil, nil, fmt.Errorf("%d of %d weight files are missing: %s", len(missing), len(names), strings.Join(missing, ", "))
	}
	return names, ix.WeightMap, nil
}

// looseFiles lists the safetensors files of dir.
func looseFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	other := ""
	for _, e := range entries {
		switch filepath.Ext(e.Name()) {
		case ".safetensors":
			names = append(names, e.Name())
		case ".bin", ".pt", ".pth", ".gguf":
			other = fmt.Sprintf("; %s has a format that is not read, convert it to safetensors first", e.Name())
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("the folder has no %s or %s%s", weightsFile, indexFile, other)
	}
	return names, nil
}

func closeAll(files []*safetensors.File) {
	for _, f := range files {
		f.Close()
	}
}
