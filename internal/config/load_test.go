package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/configs"
)

// write puts a file into a fresh folder and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustLoad(t *testing.T, o Options) (Config, Origins) {
	t.Helper()
	c, origins, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	return c, origins
}

func TestPrecedence(t *testing.T) {
	file := write(t, "my.yaml", "extends: tiny\ntrain:\n  lr: 0.5\n  grad_clip: 2\n  warmup_steps: 7\n")
	t.Setenv("MUONCLIP_TRAIN_LR", "0.25")
	t.Setenv("MUONCLIP_TRAIN_GRAD_CLIP", "3")
	c, origins := mustLoad(t, Options{File: file, Set: []string{"train.lr=0.75", "train.lr=0.125"}})

	got := map[string]any{
		"optim.muon.momentum": c.Optim.Muon.Momentum, "train.steps": c.Train.Steps, "train.warmup_steps": c.Train.WarmupSteps,
		"train.grad_clip": c.Train.GradClip, "train.lr": c.Train.LR, "preset": c.Preset,
	}
	want := map[string]any{
		"optim.muon.momentum": 0.95, "train.steps": 1400, "train.warmup_steps": 7, "train.grad_clip": 3.0, "train.lr": 0.125, "preset": "tiny",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("values (-want +got):\n%s", d)
	}
	for key, from := range map[string]string{
		"optim.muon.momentum": "default", "train.steps": "preset tiny", "train.warmup_steps": file + ":5",
		"train.grad_clip": "MUONCLIP_TRAIN_GRAD_CLIP", "train.lr": "--set",
	} {
		if origins[key] != from {
			t.Errorf("%s comes from %q, want %q", key, origins[key], from)
		}
	}
}

func TestEnvironmentTypes(t *testing.T) {
	for name, text := range map[string]string{
		"MUONCLIP_SEED":                          "18446744073709551615",
		"MUONCLIP_TRAIN_SAMPLE_PROMPTS":          "func main() {",
		"MUONCLIP_GENERATE_STOP":                 "[a, 'b, c']",
		"MUONCLIP_OPTIM_MUON_NESTEROV":           "false",
		"MUONCLIP_OPTIM_MUON_NS_COEFFICIENTS":    "[3, -4.5, 2]",
		"MUONCLIP_TRAIN_TOKENS":                  "1e6",
		"MUONCLIP_MODEL_ROPE_SCALING_FACTOR":     "4",
		"MUONCLIP_DATA_SOURCES":                  "[{path: a.txt, include: ['*.md']}, {path: goroot}]",
		"MUONCLIP_TEST_ANYTHING":                 "ignored",
		"MUONCLIP_TRAIN_WARMUP_STEPS":            "", // empty sets nothing
		"MUONCLIP_TOKENIZER_PATH":                "tok: en.json",
		"MUONCLIP_MODEL_MAX_POSITION_EMBEDDINGS": "512",
	} {
		t.Setenv(name, text)
	}
	c, _ := mustLoad(t, Options{Preset: "tiny", Set: []string{"model.rope_scaling.original_max_position_embeddings=128"}})
	want, _ := mustDefaultTiny(t)
	want.Seed = 18446744073709551615
	want.Train.SamplePrompts = []string{"func main() {"}
	want.Generate.Stop = []string{"a", "b, c"}
	want.Optim.Muon.Nesterov = false
	want.Optim.Muon.NSCoefficients = [3]float64{3, -4.5, 2}
	want.Train.Tokens, want.Train.Steps = 1_000_000, 0
	want.Data.Sources = []Source{{Path: "a.txt", Include: []string{"*.md"}}, {Path: "goroot"}}
	want.Tokenizer.Path = "tok: en.json"
	want.Model.MaxPositionEmbeddings = 512
	if c.Model.RopeScaling == nil || c.Model.RopeScaling.Factor != 4 || c.Model.RopeScaling.OriginalMaxPositionEmbeddings != 128 {
		t.Errorf("rope_scaling is %+v", c.Model.RopeScaling)
	}
	c.Model.RopeScaling = nil
	if d := cmp.Diff(want, c); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// mustDefaultTiny reads the preset without what the test's environment sets.
func mustDefaultTiny(t *testing.T) (Config, Origins) {
	t.Helper()
	s := newSchema()
	r := &resolver{schema: s, merged: newLayer(), rank: map[string]int{}}
	if err := r.addDefaults(); err != nil {
		t.Fatal(err)
	}
	if err := r.addPreset("tiny", nil); err != nil {
		t.Fatal(err)
	}
	c, o, err := r.resolve(newLayer(), newLayer())
	if err != nil {
		t.Fatal(err)
	}
	return c, o
}

// TestErrors gives one mistake each and looks for what the message must say.
func TestErrors(t *testing.T) {
	tests := []struct {
		name string
		yaml string
		env  [2]string
		set  string
		want []string
	}{
		{name: "yaml key", yaml: "train:\n  lrr: 1\n", want: []string{"my.yaml:3", `unknown key "train.lrr"`, `"train.lr"`}},
		{name: "yaml section", yaml: "trian:\n  lr: 1\n", want: []string{"my.yaml:2", `"trian"`, `"train"`}},
		{name: "key in the wrong section", yaml: "lr: 1\n", want: []string{`unknown key "lr"`, `"train.lr"`}},
		{name: "capitals", yaml: "Train:\n  lr: 1\n", want: []string{`"Train"`, `"train"`}},
		{name: "deep key", yaml: "model:\n  rope_scaling:\n    facotr: 2\n", want: []string{"my.yaml:4", `"model.rope_scaling.factor"`}},
		{name: "source key", yaml: "data:\n  sources:\n    - pth: x\n", want: []string{`"data.sources[0].pth"`, `"data.sources[0].path"`}},
		{name: "set key", set: "optim.qkclip.tau=3", want: []string{"--set", `"optim.qk_clip.tau"`}},
		{name: "set without value", set: "train.lr", want: []string{"key=value"}},
		{name: "set preset", set: "preset=mini", want: []string{"--preset"}},
		{name: "env key", env: [2]string{"MUONCLIP_TRAIN_LRR", "1"}, want: []string{"MUONCLIP_TRAIN_LRR", "did you mean MUONCLIP_TRAIN_LR?"}},
		{name: "env value", env: [2]string{"MUONCLIP_TRAIN_STEPS", "many"}, want: []string{"MUONCLIP_TRAIN_STEPS", `train.steps is "many"`, "a whole number"}},
		{name: "number for text list", yaml: "data:\n  sources: 3\n", want: []string{`data.sources is "3"`, "a list of sections"}},
		{name: "text for number", yaml: "train:\n  lr: fast\n", want: []string{"my.yaml:3", `train.lr is "fast"`, "want a number"}},
		{name: "fraction for whole number", set: "train.steps=1.5", want: []string{`train.steps is "1.5"`, "a whole number"}},
		{name: "truth for number", set: "train.steps=true", want: []string{`train.steps is "true"`}},
		{name: "number for truth", set: "data.dedup_near=1", want: []string{`data.dedup_near is "1"`, "true or false"}},
		{name: "negative seed", set: "seed=-1", want: []string{`seed is "-1"`, "from 0"}},
		{name: "not a number", set: "train.lr=.nan", want: []string{"train.lr"}},
		{name: "enum", set: "train.schedule=csine", want: []string{`"csine"`, "wsd, cosine, linear, constant", `"cosine"`}},
		{name: "short list", set: "optim.muon.ns_coefficients=[1,2]", want: []string{"a list of 3 numbers"}},
		{name: "section as value", yaml: "train: 5\n", want: []string{"train is a section", `"train.steps"`}},
		{name: "list as value", yaml: "train:\n  lr: [1, 2]\n", want: []string{"train.lr", "[1, 2]"}},
		{name: "twice", yaml: "train:\n  lr: 1\n  lr: 2\n", want: []string{"train.lr is given twice"}},
		{name: "no yaml", yaml: "train: [\n", want: []string{"my.yaml", "not valid YAML"}},
		{name: "two at once", yaml: "sed: 1\ntrain:\n  lrr: 1\n", want: []string{`"seed"`, `"train.lr"`}},
		{name: "broken rule", set: "train.micro_batch_size=3", want: []string{"train.micro_batch_size is 3", "divisor of train.batch_size 16"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{File: write(t, "my.yaml", "extends: tiny\n"+tt.yaml)}
			if tt.set != "" {
				o.Set = []string{tt.set}
			}
			if tt.env[0] != "" {
				t.Setenv(tt.env[0], tt.env[1])
			}
			_, _, err := Load(o)
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the error does not say %q:\n%v", w, err)
				}
			}
		})
	}
}

func TestPresetErrors(t *testing.T) {
	both := write(t, "both.yaml", "extends: mini\n")
	circle := write(t, "circle.yaml", "extends: ./circle.yaml\n")
	for _, tt := range []struct {
		o    Options
		want string
	}{
		{Options{Preset: "tny"}, `did you mean "tiny"`},
		{Options{Preset: "../tiny"}, "unknown preset"},
		{Options{Preset: "tiny", File: both}, "give one of the two"},
		{Options{File: circle}, "extends itself"},
		{Options{File: "no-such-file.yaml"}, "no-such-file.yaml"},
		{Options{File: write(t, "x.yaml", "extends: tny\n")}, `did you mean "tiny"`},
		{Options{File: write(t, "y.yaml", "extends: tiny\npreset: mini\n")}, "give one of the two"},
	} {
		if _, _, err := Load(tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.o, err, tt.want)
		}
	}
}

func TestExtendsFile(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"base/base.yaml": "extends: kimi-k2\nmodel:\n  rope_scaling: null\n  q_lora_rank: null\ntrain:\n  lr: 0.5\n",
		"top.yaml":       "extends: base/base.yaml\ntrain:\n  grad_clip: 4\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, _ := mustLoad(t, Options{File: filepath.Join(dir, "top.yaml")})
	if c.Preset != "kimi-k2" || c.Train.LR != 0.5 || c.Train.GradClip != 4 {
		t.Errorf("preset %q, lr %g, grad_clip %g", c.Preset, c.Train.LR, c.Train.GradClip)
	}
	if c.Model.RopeScaling != nil || c.Model.QLoraRank != 0 {
		t.Errorf("null left rope_scaling %+v, q_lora_rank %d", c.Model.RopeScaling, c.Model.QLoraRank)
	}
	c, _ = mustLoad(t, Options{Preset: "kimi-k2", Set: []string{"model.rope_scaling=null"}})
	if c.Model.RopeScaling != nil {
		t.Error("--set model.rope_scaling=null left it")
	}
}

func TestOneOfTwo(t *testing.T) {
	c, o := mustLoad(t, Options{Preset: "tiny", Set: []string{"train.tokens=409601"}})
	if c.Train.Steps != 0 || c.Train.TotalSteps() != 101 {
		t.Errorf("steps %d", c.Train.Steps)
	}
	if o["train.steps"] != "cleared by train.tokens" {
		t.Errorf("train.steps comes from %q", o["train.steps"])
	}
}

func TestDefaultPresetAndData(t *testing.T) {
	c, o := mustLoad(t, Options{DefaultPreset: "tiny", Data: []string{"/a/book.txt", "/b"}})
	if c.Preset != "tiny" || len(c.Data.Sources) != 2 || c.Data.Sources[1].Label() != "b" || o["data.sources"] != "--data" {
		t.Errorf("preset %q, sources %+v from %q", c.Preset, c.Data.Sources, o["data.sources"])
	}
	_, _, err := Load(Options{DefaultPreset: "tiny", File: write(t, "f.yaml", "seed: 2\n")})
	if err == nil || !strings.Contains(err.Error(), "extends: tiny") {
		t.Errorf("a file without extends starts from the defaults, which have no model: %v", err)
	}
	t.Setenv("MUONCLIP_PRESET", "mini")
	if c, _ := mustLoad(t, Options{DefaultPreset: "tiny"}); c.Preset != "mini" {
		t.Errorf("MUONCLIP_PRESET gave %q", c.Preset)
	}
	if c, _ := mustLoad(t, Options{Preset: "tiny"}); c.Preset != "tiny" {
		t.Errorf("--preset with MUONCLIP_PRESET gave %q", c.Preset)
	}
}

func TestPresetNames(t *testing.T) {
	want := []string{"dense-124m", "kimi-k2", "mini", "moonlight-16b-a3b", "small-moe", "tiny"}
	if d := cmp.Diff(want, configs.Names()); d != "" {
		t.Errorf("presets (-want +got):\n%s", d)
	}
}
