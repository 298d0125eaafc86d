package hf

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/internal/atomicfile"
	"muonclip/internal/safetensors"
)

// ones makes a tensor.
func ones(name string, shape ...int) safetensors.Tensor {
	n, _ := safetensors.Elements(shape)
	t := safetensors.Tensor{Name: name, Shape: shape, Data: make([]float32, n)}
	for i := range t.Data {
		t.Data[i] = 1
	}
	return t
}

func save(t *testing.T, dir, name string, dtype safetensors.DType, tensors ...safetensors.Tensor) {
	t.Helper()
	if err := safetensors.WriteFile(filepath.Join(dir, name), tensors, dtype, nil); err != nil {
		t.Fatal(err)
	}
}

func TestImportNamesEveryDifference(t *testing.T) {
	dir := t.TempDir()
	cfg, tensors := small(), tensorsOf(small())
	if _, err := Export(dir, Options{MaxShardBytes: 9000}, cfg, tensors); err != nil {
		t.Fatal(err)
	}
	want := empty(tensors)
	want[0].Name = "model.other"
	want[1].Shape = []int{4, 4}
	want = want[:len(want)-1]
	var m *safetensors.Mismatch
	if err := Import(dir, want); !errors.As(err, &m) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("error %v, want a Mismatch with the folder", err)
	}
	expected := &safetensors.Mismatch{
		Missing: []string{"model.other"}, Extra: []string{embedName, headName},
		Shape: []string{"model.layers.0.input_layernorm.weight: wanted [4 4], found [16]"},
	}
	if diff := cmp.Diff(expected, m); diff != "" {
		t.Error(diff)
	}
}

func TestImportDTypes(t *testing.T) {
	dir := t.TempDir()
	a := ones("a", 2)
	a.Data[1] = -1.5 // exact in every dtype
	b, c := a, a
	b.Name, c.Name = "b", "c"
	save(t, dir, "1.safetensors", safetensors.F16, a)
	save(t, dir, "2.safetensors", safetensors.BF16, b)
	save(t, dir, "3.safetensors", safetensors.F64, c)
	got := empty([]safetensors.Tensor{c, a, b})
	if err := Import(dir, got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]safetensors.Tensor{c, a, b}, got); diff != "" {
		t.Error(diff)
	}
}

func TestImportExtras(t *testing.T) {
	const head = `{"model_type":"deepseek_v3","num_hidden_layers":2`
	cases := map[string]struct {
		config string
		extra  string
		ok     bool
	}{
		"rotary table":        {head + `}`, "model.layers.0.self_attn.rotary_emb.inv_freq", true},
		"prediction layer":    {head + `,"num_nextn_predict_layers":1}`, "model.layers.2.eh_proj.weight", true},
		"a layer too many":    {head + `}`, "model.layers.2.input_layernorm.weight", false},
		"a wanted layer":      {head + `,"num_nextn_predict_layers":1}`, "model.layers.1.other.weight", false},
		"copy of a tied head": {head + `,"tie_word_embeddings":true}`, headName, true},
		"head of a tied want": {head + `}`, headName, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, map[string]string{configFile: c.config})
			save(t, dir, weightsFile, safetensors.F32, ones(embedName, 2, 2), ones(c.extra, 2, 2))
			err := Import(dir, empty([]safetensors.Tensor{ones(embedName, 2, 2)}))
			var m *safetensors.Mismatch
			if c.ok && err != nil || !c.ok && (!errors.As(err, &m) || !cmp.Equal(m.Extra, []string{c.extra})) {
				t.Errorf("error %v, want ok %v", err, c.ok)
			}
		})
	}
}

func TestImportErrors(t *testing.T) {
	want := []safetensors.Tensor{{Name: "a", Shape: []int{1}}}
	cases := map[string]struct {
		build func(dir string)
		want  string
	}{
		"no weights": {func(dir string) {}, "no model.safetensors"},
		"pickles":    {func(dir string) { put(t, dir, map[string]string{"pytorch_model.bin": "x"}) }, "pytorch_model.bin has a format that is not read"},
		"missing shards": {func(dir string) {
			put(t, dir, map[string]string{indexFile: `{"weight_map":{"a":"x-1.safetensors","b":"x-2.safetensors"}}`})
			save(t, dir, "x-1.safetensors", safetensors.F32, ones("a", 1))
		}, "1 of 2 weight files are missing: x-2.safetensors"},
		"index of another export": {func(dir string) {
			put(t, dir, map[string]string{indexFile: `{"weight_map":{"b":"x.safetensors"}}`})
			save(t, dir, "x.safetensors", safetensors.F32, ones("a", 1))
		}, "x.safetensors holds b, but it does not"},
		"index that leaves the folder": {func(dir string) {
			put(t, dir, map[string]string{indexFile: `{"weight_map":{"a":"../x.safetensors"}}`})
		}, "no safetensors file of this folder"},
		"empty index":  {func(dir string) { put(t, dir, map[string]string{indexFile: `{}`}) }, "no weight_map"},
		"broken index": {func(dir string) { put(t, dir, map[string]string{indexFile: `{`}) }, indexFile},
		"truncated": {func(dir string) {
			save(t, dir, weightsFile, safetensors.F32, ones("a", 1))
			os.Truncate(filepath.Join(dir, weightsFile), 30)
		}, "truncated"},
		"FP8": {func(dir string) {
			const header = `{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}`
			if err := atomicfile.Write(filepath.Join(dir, weightsFile), func(w io.Writer) error {
				_, err := io.WriteString(w, string(rune(len(header)))+"\x00\x00\x00\x00\x00\x00\x00"+header+"x")
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}, "convert it to BF16"},
		"broken config": {func(dir string) {
			put(t, dir, map[string]string{configFile: `{`})
			save(t, dir, weightsFile, safetensors.F32, ones("a", 1))
		}, "config.json"},
		"no folder": {func(dir string) { os.Remove(dir) }, "no such file"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c.build(dir)
			if err := Import(dir, want); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("error %v, want one with the folder and %q", err, c.want)
			}
		})
	}
}
