package config

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/configs"
	"muonclip/model"
)

func TestKeysAreExplained(t *testing.T) {
	env := map[string]string{}
	for _, k := range Keys() {
		if len(k.Doc) < 10 {
			t.Errorf("%s has no explanation: %q", k.Name, k.Doc)
		}
		if !slices.Contains([]Role{Free, Numerics, Identity}, k.Role) {
			t.Errorf("%s has the unknown role %q", k.Name, k.Role)
		}
		if strings.Contains(k.Name, "[]") {
			continue
		}
		if other, twice := env[k.EnvName()]; twice {
			t.Errorf("%s sets both %s and %s", k.EnvName(), other, k.Name)
		}
		env[k.EnvName()] = k.Name
	}
	if env["MUONCLIP_TRAIN_SPIKE_Z_LOSS"] != "train.spike.z_loss" {
		t.Errorf("MUONCLIP_TRAIN_SPIKE_Z_LOSS sets %q", env["MUONCLIP_TRAIN_SPIKE_Z_LOSS"])
	}
}

func TestExplain(t *testing.T) {
	var b strings.Builder
	if err := Explain(&b, "train.spike"); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "train.spike."); n != 4 || strings.Contains(b.String(), "train.lr") {
		t.Errorf("train.spike:\n%s", b.String())
	}
	if err := Explain(&b, "train.spke"); err == nil || !strings.Contains(err.Error(), `"train.spike"`) {
		t.Errorf("unknown key: %v", err)
	}
}

func TestEditDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"abc", "abc", 0}, {"abc", "", 3}, {"lr", "lrr", 1}, {"seed", "sede", 1}, {"kitten", "sitting", 3}, {"größe", "große", 1},
	} {
		if got := editDistance(tt.a, tt.b); got != tt.want {
			t.Errorf("%q to %q: %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := editDistance(tt.b, tt.a); got != tt.want {
			t.Errorf("%q to %q: %d, want %d", tt.b, tt.a, got, tt.want)
		}
	}
}

func TestMiniIsTheReference(t *testing.T) {
	path := filepath.Join("..", "..", "..", "shared", "reference", "mini.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("the reference configuration is not here: %v", err)
	}
	want := Default().Model // fields that mini.json leaves out
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	c, _ := mustLoad(t, Options{Preset: "mini"})
	if d := cmp.Diff(want, c.Model); d != "" {
		t.Errorf("model of mini (-reference +preset):\n%s", d)
	}
}

// TestRoutedScalingFactor recomputes the rule of Moonlight's appendix: E[1/||g||] where g are the
// top k of E sigmoid scores of standard normal logits, divided by their sum. With 20,000 draws the
// standard error is below 2e-4.
func TestRoutedScalingFactor(t *testing.T) {
	for _, name := range configs.Names() {
		c, _ := mustLoad(t, Options{Preset: name})
		m := c.Model
		if m.NRoutedExperts == 0 {
			continue
		}
		tolerance := 0.002
		if name == "mini" { // fixed by the reference, rounded to one digit
			tolerance = 0.01
		}
		got := scalingFactor(m.NRoutedExperts, m.NumExpertsPerTok, 20_000)
		if math.Abs(got-m.RoutedScalingFactor) > tolerance {
			t.Errorf("%s: routed_scaling_factor %g, the rule gives %.4f for %d of %d", name, m.RoutedScalingFactor, got, m.NumExpertsPerTok, m.NRoutedExperts)
		}
	}
	// The values that k of E gave elsewhere.
	for _, tt := range []struct {
		experts, k int
		want       float64
	}{{64, 6, 2.446}, {384, 8, 2.828}, {32, 4, 1.997}, {16, 2, 1.412}} {
		if got := scalingFactor(tt.experts, tt.k, 20_000); math.Abs(got-tt.want) > 0.002 {
			t.Errorf("%d of %d: %.4f, want %g", tt.k, tt.experts, got, tt.want)
		}
	}
}

func scalingFactor(experts, k, draws int) float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	scores := make([]float64, experts)
	sum := 0.0
	for range draws {
		for i := range scores {
			scores[i] = 1 / (1 + math.Exp(-rng.NormFloat64()))
		}
		slices.Sort(scores)
		total, squares := 0.0, 0.0
		for _, s := range scores[experts-k:] {
			total += s
			squares += s * s
		}
		sum += total / math.Sqrt(squares)
	}
	return sum / float64(draws)
}

func TestValidate(t *testing.T) {
	good, _ := mustLoad(t, Options{Preset: "tiny"})
	for _, tt := range []struct {
		want   string
		change func(*Config)
	}{
		{"model.hidden_size", func(c *Config) { c.Model.HiddenSize = 0 }},
		{"tokenizer.vocab_size 9999", func(c *Config) { c.Tokenizer.VocabSize = 9999 }},
		{"one token for each byte", func(c *Config) { c.Tokenizer.VocabSize = 100 }},
		{"model.eos_token_id", func(c *Config) { c.Model.EosTokenID = 2048 }},
		{"data.val_fraction", func(c *Config) { c.Data.ValFraction = 1 }},
		{"data.min_bytes", func(c *Config) { c.Data.MinBytes = 1e9 }},
		{"data.near_threshold", func(c *Config) { c.Data.DedupNear, c.Data.NearThreshold = true, 0 }},
		{"data.sources[0].path", func(c *Config) { c.Data.Sources = []Source{{}} }},
		{"both named", func(c *Config) { c.Data.Sources = []Source{{Path: "a/x"}, {Path: "b/x"}} }},
		{"want all or none", func(c *Config) { c.Data.Sources = []Source{{Path: "a", Weight: 1}, {Path: "b"}} }},
		{"exactly one", func(c *Config) { c.Train.Tokens = 5 }},
		{"exactly one", func(c *Config) { c.Train.Steps = 0 }},
		{"train.seq_len", func(c *Config) { c.Train.SeqLen = 4096 }},
		{"train.warmup_steps 1400", func(c *Config) { c.Train.WarmupSteps = 1400 }},
		{"decay steps", func(c *Config) { c.Train.DecayFraction = 0.99 }},
		{"at most one", func(c *Config) { c.Train.DecaySteps = 10 }},
		{"train.min_lr_ratio", func(c *Config) { c.Train.MinLRRatio = 2 }},
		{"train.spike.window", func(c *Config) { c.Train.Spike.Window = 1 }},
		{"rollback needs checkpoints", func(c *Config) { c.Train.Spike.Action, c.Train.CheckpointEvery = "rollback", 0 }},
		{"optim.muon.momentum", func(c *Config) { c.Optim.Muon.Momentum = 1 }},
		{"optim.muon.ns_steps", func(c *Config) { c.Optim.Muon.NSSteps = 0 }},
		{"optim.muon.scale", func(c *Config) { c.Optim.Muon.Scale = "" }},
		{"optim.muon.rank", func(c *Config) { c.Optim.Muon.Rank = 1.5 }},
		{"optim.adamw.lr_ratio", func(c *Config) { c.Optim.AdamW.Ratio = 0 }},
		{"optim.qk_clip.tau", func(c *Config) { c.Optim.QKClip.Tau = 0 }},
		{"the norm undoes", func(c *Config) { c.Model.QKNorm = true }},
		{"cannot generate", func(c *Config) { c.Model.QKNorm, c.Optim.QKClip.Enabled = true, false }},
		{"generate.top_p", func(c *Config) { c.Generate.TopP = 1.5 }},
		{"cluster.mfu", func(c *Config) { c.Cluster.MFU = 0 }},
		{"want cluster.devices 8", func(c *Config) { c.Cluster.Devices, c.Cluster.DP = 8, 3 }},
		{"does not divide cluster.dp", func(c *Config) { c.Cluster.Devices, c.Cluster.EP = 8, 3 }},
	} {
		c := good
		tt.change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("want an error with %q, got %v", tt.want, err)
		}
	}
	var empty Config
	if err := empty.Validate(); err == nil || strings.Count(err.Error(), "\n") < 8 {
		t.Errorf("all errors are joined, got %v", err)
	}
}

func TestDerived(t *testing.T) {
	tr := Train{Tokens: 1000, BatchSize: 4, SeqLen: 50, DecayFraction: 0.4}
	if tr.TotalSteps() != 5 || tr.TotalTokens() != 1000 || tr.MicroBatch() != 4 || tr.WSDDecaySteps() != 2 {
		t.Errorf("steps %d, tokens %d, micro-batch %d, decay %d", tr.TotalSteps(), tr.TotalTokens(), tr.MicroBatch(), tr.WSDDecaySteps())
	}
	c := Config{Model: model.Config{VocabSize: 300}}
	if c.TokenizerVocab() != 300 {
		t.Errorf("vocabulary %d", c.TokenizerVocab())
	}
	if dp, ep, pp := (Cluster{Devices: 8, PP: 2}).Layout(); dp != 4 || ep != 1 || pp != 2 {
		t.Errorf("layout %d %d %d", dp, ep, pp)
	}
}

func TestLocation(t *testing.T) {
	if got, err := (Source{Path: "books"}).Location(t.Context()); err != nil || got != "books" {
		t.Errorf("%q, %v", got, err)
	}
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "src"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOROOT", root)
	if got, err := (Source{Path: "goroot"}).Location(t.Context()); err != nil || got != filepath.Join(root, "src") {
		t.Errorf("%q, %v", got, err)
	}
	t.Setenv("GOROOT", filepath.Join(root, "none"))
	if _, err := (Source{Path: "goroot"}).Location(t.Context()); err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("error %v", err)
	}
	t.Setenv("GOROOT", "")
	t.Setenv("PATH", "")
	if _, err := (Source{Path: "goroot"}).Location(t.Context()); err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("error %v", err)
	}
}
