package hf

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/internal/bf16"
	"muonclip/internal/safetensors"
	"muonclip/model"
)

func TestExportAndImport(t *testing.T) {
	cases := map[string]struct {
		cfg    model.Config
		opts   Options
		shards int
	}{
		"F32":              {small(), Options{}, 1},
		"BF16":             {small(), Options{DType: safetensors.BF16}, 1},
		"F32 in shards":    {small(), Options{MaxShardBytes: 5000}, 0},
		"BF16 in shards":   {small(), Options{DType: safetensors.BF16, MaxShardBytes: 20_000}, 2},
		"a file a tensor":  {small(), Options{MaxShardBytes: 1}, len(tensorsOf(small()))},
		"llama, tied head": {dense(), Options{DType: safetensors.BF16}, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "sub", "model")
			tensors := tensorsOf(c.cfg)
			r, err := Export(dir, c.opts, c.cfg, tensors)
			if err != nil {
				t.Fatal(err)
			}
			got := empty(tensors)
			if err := Import(dir, got); err != nil {
				t.Fatal(err)
			}
			for i, want := range tensors {
				if c.opts.DType == safetensors.BF16 && !strings.HasSuffix(want.Name, biasEnd) {
					want.Data = slices.Clone(want.Data)
					bf16.RoundSlice(want.Data)
				}
				if diff := cmp.Diff(want, got[i]); diff != "" {
					t.Fatal(diff)
				}
			}
			cfg, err := ReadConfig(dir)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.cfg, cfg); diff != "" {
				t.Error(diff)
			}
			checkFiles(t, dir, r, c.shards, c.opts.MaxShardBytes)
		})
	}
}

// checkFiles verifies the report, the index and the sizes of the shards. shards 0 means some.
func checkFiles(t *testing.T, dir string, r Report, shards int, limit int64) {
	t.Helper()
	var weights, all []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
		if strings.HasSuffix(e.Name(), ".safetensors") {
			weights = append(weights, e.Name())
		}
	}
	if diff := cmp.Diff(all, r.Files); diff != "" {
		t.Errorf("reported files: %s", diff)
	}
	for _, name := range []string{configFile, generationFile, templateFile, cardFile} {
		if !slices.Contains(all, name) {
			t.Errorf("%s is missing", name)
		}
	}
	if shards > 0 && len(weights) != shards || len(weights) == 0 {
		t.Fatalf("weight files %v, want %d", weights, shards)
	}
	bytes := int64(0)
	where := map[string]string{}
	for _, name := range weights {
		f, err := safetensors.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if f.Metadata()["format"] != "pt" {
			t.Errorf("%s has the metadata %v, want format pt", name, f.Metadata())
		}
		size := int64(0)
		for _, info := range f.Infos() {
			size += info.Bytes
			where[info.Name] = name
		}
		if limit > 0 && size > limit && len(f.Names()) > 1 {
			t.Errorf("%s holds %d bytes in %d tensors, the limit is %d", name, size, len(f.Names()), limit)
		}
		bytes += size
	}
	if bytes != r.WeightBytes {
		t.Errorf("%d bytes of weights, reported are %d", bytes, r.WeightBytes)
	}
	if len(weights) == 1 {
		return
	}
	var ix index
	if err := json.Unmarshal([]byte(get(t, dir, indexFile)), &ix); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(where, ix.WeightMap); diff != "" {
		t.Errorf("index: %s", diff)
	}
	if ix.Metadata.TotalSize != bytes {
		t.Errorf("total_size %d, want %d", ix.Metadata.TotalSize, bytes)
	}
}

func TestExportIsDeterministic(t *testing.T) {
	root := t.TempDir()
	read := func(parent string) map[string]string {
		dir := filepath.Join(root, parent, "m")
		r, err := Export(dir, Options{MaxShardBytes: 9000, TokenizerDir: tokenizerDir(t)}, small(), tensorsOf(small()))
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, name := range r.Files {
			out[name] = get(t, dir, name)
		}
		return out
	}
	if diff := cmp.Diff(read("a"), read("b")); diff != "" {
		t.Error(diff)
	}
}

func TestExportIntoExistingFolder(t *testing.T) {
	dir := t.TempDir()
	cfg, tensors := small(), tensorsOf(small())
	if _, err := Export(dir, Options{}, cfg, tensors); err != nil {
		t.Fatalf("an empty folder: %v", err)
	}
	put(t, dir, map[string]string{"notes.txt": "mine"})
	if _, err := Export(dir, Options{}, cfg, tensors); !errors.Is(err, fs.ErrExist) {
		t.Errorf("error %v, want fs.ErrExist", err)
	}
	if get(t, dir, "notes.txt") != "mine" {
		t.Error("a refused export changed the folder")
	}
	if _, err := Export(dir, Options{Force: true, MaxShardBytes: 9000}, cfg, tensors); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, weightsFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the weights of the earlier export are still there")
	}
	other := t.TempDir()
	put(t, other, map[string]string{"thesis.txt": "mine"})
	if _, err := Export(other, Options{Force: true}, cfg, tensors); !errors.Is(err, fs.ErrExist) || get(t, other, "thesis.txt") != "mine" {
		t.Errorf("error %v: a folder that is no model was replaced", err)
	}
}

func TestExportErrors(t *testing.T) {
	cfg, tensors := small(), tensorsOf(small())
	last := len(tensors) - 1
	tied := with(cfg, func(c *model.Config) { c.TieWordEmbeddings = true })
	boom := errors.New("boom")
	cases := map[string]struct {
		cfg     model.Config
		opts    Options
		tensors []safetensors.Tensor
		want    string
	}{
		"invalid config":          {with(cfg, func(c *model.Config) { c.VocabSize = 0 }), Options{}, tensors, "vocab_size"},
		"half":                    {cfg, Options{DType: safetensors.F16}, tensors, "F32 or BF16"},
		"negative shard":          {cfg, Options{MaxShardBytes: -1}, tensors, "-1 bytes"},
		"no embedding":            {cfg, Options{}, tensors[1:], "lack model.embed_tokens.weight"},
		"other vocabulary":        {with(cfg, func(c *model.Config) { c.VocabSize = 65 }), Options{}, tensors, "[65 16]"},
		"no head":                 {cfg, Options{}, tensors[:last], "lack lm_head.weight"},
		"tied head that differs":  {tied, Options{}, tensors, "they differ"},
		"same name in two shards": {cfg, Options{MaxShardBytes: 1}, append(slices.Clone(tensors), tensors[3]), "two tensors"},
		"failing tokenizer":       {cfg, Options{Tokenizer: func(string) error { return boom }}, tensors, "boom"},
		"no tokenizer files":      {cfg, Options{TokenizerDir: t.TempDir()}, tensors, "no tokenizer files"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			_, err := Export(filepath.Join(root, "m"), c.opts, c.cfg, c.tensors)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if entries, err := os.ReadDir(root); err != nil || len(entries) > 0 {
				t.Errorf("left behind: %v %v", entries, err)
			}
		})
	}
}

func TestTiedHeadIsStoredOnce(t *testing.T) {
	cfg := with(small(), func(c *model.Config) { c.TieWordEmbeddings = true })
	tensors := tensorsOf(cfg)
	head := tensors[0]
	head.Name = headName
	tensors = append(tensors, head)
	dir := filepath.Join(t.TempDir(), "m")
	if _, err := Export(dir, Options{}, cfg, tensors); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(filepath.Join(dir, weightsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, ok := f.Info(headName); ok {
		t.Error("the tied head is stored")
	}
	got := empty(tensors)
	slices.Reverse(got) // the head before the embedding
	if err := Import(dir, got); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(got)
	if diff := cmp.Diff(tensors, got); diff != "" {
		t.Error(diff)
	}
}
