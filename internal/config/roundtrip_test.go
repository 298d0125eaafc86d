package config

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muonclip/configs"
	"muonclip/model"
)

func TestPresetsRoundTrip(t *testing.T) {
	for _, name := range configs.Names() {
		c, origins := mustLoad(t, Options{Preset: name})
		path := filepath.Join(t.TempDir(), "config.yaml")
		for _, data := range [][]byte{c.Marshal(), c.MarshalWithOrigins(origins)} {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			back, err := Read(path)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c, back); d != "" {
				t.Errorf("%s by Read (-want +got):\n%s", name, d)
			}
			loaded, _ := mustLoad(t, Options{File: path})
			if d := cmp.Diff(c, loaded); d != "" {
				t.Errorf("%s by Load (-want +got):\n%s", name, d)
			}
		}
		first, second := c.Marshal(), c.Marshal()
		if string(first) != string(second) {
			t.Errorf("%s: two results of Marshal differ", name)
		}
	}
}

// TestReadTakesNothingElse: what a run was made with does not depend on the environment.
func TestReadTakesNothingElse(t *testing.T) {
	c, _ := mustLoad(t, Options{Preset: "tiny"})
	c.Preset = "a preset that no longer exists"
	path := write(t, "config.yaml", string(c.Marshal()))
	t.Setenv("MUONCLIP_TRAIN_LR", "9")
	t.Setenv("MUONCLIP_NO_SUCH_KEY", "9")
	back, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(c, back); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if _, err := Read(write(t, "ext.yaml", "extends: tiny\n")); err == nil || !strings.Contains(err.Error(), "resolved") {
		t.Errorf("a file that extends a preset is not resolved: %v", err)
	}
}

// TestAnyConfigRoundTrips fills every field with a random value of its type.
func TestAnyConfigRoundTrips(t *testing.T) {
	s := newSchema()
	rapid.Check(t, func(rt *rapid.T) {
		var c Config
		fill(rt, reflect.ValueOf(&c).Elem(), "")
		l, err := s.parseYAML("random.yaml", c.Marshal())
		if err != nil {
			rt.Fatalf("%v\n%s", err, c.Marshal())
		}
		r := &resolver{schema: s, merged: newLayer(), rank: map[string]int{}, preset: c.Preset}
		r.add(l)
		back, _, err := r.resolve(newLayer(), newLayer())
		if err != nil {
			rt.Fatal(err)
		}
		if d := cmp.Diff(c, back); d != "" {
			rt.Fatalf("(-want +got):\n%s\n%s", d, c.Marshal())
		}
	})
}

func fill(rt *rapid.T, v reflect.Value, enum string) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(rt, v.Field(i), v.Type().Field(i).Tag.Get("enum"))
		}
	case reflect.Pointer:
		if rapid.Bool().Draw(rt, "set") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(rt, v.Elem(), "")
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(rt, v.Index(i), "")
		}
	case reflect.Slice:
		if n := rapid.IntRange(0, 3).Draw(rt, "len"); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				fill(rt, v.Index(i), "")
			}
		}
	case reflect.String:
		if enum != "" {
			v.SetString(rapid.SampledFrom(strings.Split(enum, "|")).Draw(rt, "enum"))
			return
		}
		v.SetString(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"null", "true", "1e3", "~", "a: b", "- x", "#", "a\nb\n", " "})).Draw(rt, "text"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(rt, "bool"))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.Int64().Draw(rt, "int"))
	case reflect.Uint64:
		v.SetUint(rapid.Uint64().Draw(rt, "uint"))
	case reflect.Float64:
		v.SetFloat(rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64).Draw(rt, "float"))
	}
}

func TestFingerprint(t *testing.T) {
	base, _ := mustLoad(t, Options{Preset: "tiny"})
	change := func(f func(*Config)) string {
		c := base
		f(&c)
		return c.Fingerprint()
	}
	for name, f := range map[string]func(*Config){
		"threads": func(c *Config) { c.Train.Threads = 2 },
		"log":     func(c *Config) { c.Train.LogEvery = 5 },
		"samples": func(c *Config) { c.Train.SamplePrompts = []string{"x"}; c.Generate.TopK = 3 },
		"cluster": func(c *Config) { c.Cluster.Devices = 9 },
		"preset":  func(c *Config) { c.Preset = "" },
	} {
		if change(f) != base.Fingerprint() {
			t.Errorf("%s changes the fingerprint", name)
		}
	}
	for name, f := range map[string]func(*Config){
		"lr":     func(c *Config) { c.Train.LR *= 2 },
		"seed":   func(c *Config) { c.Seed++ },
		"layers": func(c *Config) { c.Model.NumHiddenLayers++ },
		"norm":   func(c *Config) { c.Model.QKNorm = true },
		"yarn":   func(c *Config) { c.Model.RopeScaling = &model.RopeScaling{Factor: 2} },
		"micro":  func(c *Config) { c.Train.MicroBatchSize = 4 },
		"device": func(c *Config) { c.Train.Device = "cuda" },
		"source": func(c *Config) { c.Data.Sources = []Source{{Path: "x"}} },
	} {
		if change(f) == base.Fingerprint() {
			t.Errorf("%s does not change the fingerprint", name)
		}
	}
}

// TestOldHashes: a key that came later and is not set leaves the hashes as they were, so that older checkpoints are
// still those of their run.
func TestOldHashes(t *testing.T) {
	c, _ := mustLoad(t, Options{Preset: "tiny"})
	counted := map[string]bool{}
	for _, l := range leaves(c) {
		counted[l.key] = !unset(l)
	}
	if counted["model.use_qk_norm"] || counted["stage"] || !counted["model.tie_word_embeddings"] {
		t.Errorf("use_qk_norm %v, stage %v, tie_word_embeddings %v", counted["model.use_qk_norm"], counted["stage"], counted["model.tie_word_embeddings"])
	}
}

func TestContradicts(t *testing.T) {
	old, _ := mustLoad(t, Options{Preset: "tiny"})
	free := old
	free.Train.Threads, free.Train.LR, free.Train.Steps, free.Train.EvalEvery = 3, 1, 900, 1
	free.Optim.QKClip.Tau = 30
	if err := Contradicts(old, free); err != nil {
		t.Errorf("a resumed run may change these: %v", err)
	}
	if old.Identity() != free.Identity() || old.Fingerprint() == free.Fingerprint() {
		t.Error("the identity is of the keys that may not change, the fingerprint of all that count")
	}
	broken := old
	broken.Model.HiddenSize = 64
	broken.Model.RopeScaling = &model.RopeScaling{Type: "yarn", Factor: 2}
	broken.Seed, broken.Train.SeqLen, broken.Optim.Kind = 9, 128, "adamw"
	broken.Data.Sources = []Source{{Path: "/books"}}
	broken.Tokenizer.VocabSize = 1000
	err := Contradicts(old, broken)
	if err == nil {
		t.Fatal("no error")
	}
	for _, w := range []string{
		"model.hidden_size is 128 in the run and 64 now", "seed is 1 in the run and 9 now", "train.seq_len is 256 in the run and 128 now",
		"optim.kind is muon in the run and adamw now", "data.sources is ", "/books", "tokenizer.vocab_size is 0 in the run and 1000 now",
		"model.rope_scaling.factor is not set in the run and 2.0 now", "--out",
	} {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error does not say %q:\n%v", w, err)
		}
	}
	if old.Identity() == broken.Identity() {
		t.Error("two runs that contradict each other have one identity")
	}
	if err := Contradicts(broken, old); err == nil || !strings.Contains(err.Error(), "model.rope_scaling.factor is 2.0 in the run and not set now") {
		t.Errorf("the other way round: %v", err)
	}
}

func FuzzParseYAML(f *testing.F) {
	for _, seed := range []string{
		"extends: tiny\nseed: 1\ntrain: {lr: 1e-3, tokens: 1e9, sample_prompts: [a, \"b\"]}\n",
		"data:\n  sources:\n    - path: goroot\n      include: ['**/*.go']\n",
		"model:\n  rope_scaling: {type: yarn, factor: 32}\n  q_lora_rank: null\n",
		"optim: {muon: {ns_coefficients: [1, 2, 3]}}\n",
	} {
		f.Add([]byte(seed))
	}
	f.Add([]byte("a: &x [1, *x]\n"))
	f.Add([]byte("data: {sources: &x [*x]}\n"))
	f.Add([]byte("model: &m {rope_scaling: *m}\n"))
	f.Add([]byte("train: {<<: {lr: 1}}\n"))
	s := newSchema()
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := s.parseYAML("fuzz.yaml", data)
		if err != nil {
			return
		}
		r := &resolver{schema: s, merged: newLayer(), rank: map[string]int{}}
		r.add(l)
		c, _, err := r.resolve(newLayer(), newLayer())
		if err != nil {
			t.Fatalf("values that passed the check do not decode: %v", err)
		}
		again, err := s.parseYAML("again.yaml", c.Marshal())
		if err != nil {
			t.Fatalf("Marshal is not readable: %v\n%s", err, c.Marshal())
		}
		r = &resolver{schema: s, merged: newLayer(), rank: map[string]int{}}
		r.add(again)
		if back, _, err := r.resolve(newLayer(), newLayer()); err != nil || !cmp.Equal(c, back) {
			t.Fatalf("round trip: %v\n%s", err, cmp.Diff(c, back))
		}
	})
}
