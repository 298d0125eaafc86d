package stage

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/internal/compute/cpu"
	"muonclip/internal/compute/cuda"
	"muonclip/internal/config"
	"muonclip/model"
	"muonclip/optim"
)

func TestGenerateSettings(t *testing.T) {
	run := config.Generate{MaxTokens: 50, Temperature: 0.8, TopP: 0.9, RepetitionPenalty: 1.1, Seed: 3, Stop: []string{"x"}}
	flags := config.Generate{MaxTokens: 7, Temperature: 0, TopK: 4, Seed: 0}
	for _, tt := range []struct {
		name  string
		run   config.Generate
		given []string
		want  config.Generate
	}{
		{"nothing given", run, nil, run},
		{"zero given", run, []string{"temperature", "seed"}, config.Generate{MaxTokens: 50, TopP: 0.9, RepetitionPenalty: 1.1, Stop: []string{"x"}}},
		{"some given", run, []string{"max-tokens", "top-k"}, config.Generate{MaxTokens: 7, Temperature: 0.8, TopK: 4, TopP: 0.9, RepetitionPenalty: 1.1, Seed: 3, Stop: []string{"x"}}},
		{"no run", config.Generate{}, nil, config.Generate{MaxTokens: 256, Temperature: 1}},
		{"no run, given", config.Generate{}, []string{"temperature"}, config.Generate{MaxTokens: 256}},
	} {
		o := GenerateOptions{Settings: flags, Given: func(flag string) bool {
			for _, g := range tt.given {
				if g == flag {
					return true
				}
			}
			return false
		}}
		if diff := cmp.Diff(tt.want, o.settings(tt.run)); diff != "" {
			t.Errorf("%s:\n%s", tt.name, diff)
		}
	}
}

func TestCheckSettings(t *testing.T) {
	good := config.Generate{MaxTokens: 1, TopP: 1, MinP: 1, Temperature: 100}
	if err := checkSettings(good); err != nil {
		t.Error(err)
	}
	for says, spoil := range map[string]func(*config.Generate){
		"--max-tokens is 0, want 1 or more":          func(g *config.Generate) { g.MaxTokens = 0 },
		"--temperature is NaN, want 0 or more":       func(g *config.Generate) { g.Temperature = math.NaN() },
		"--top-k is -1, want 0 or more":              func(g *config.Generate) { g.TopK = -1 },
		"--top-p is 1.5, want 0 to 1":                func(g *config.Generate) { g.TopP = 1.5 },
		"--min-p is -0.5, want 0 to 1":               func(g *config.Generate) { g.MinP = -0.5 },
		"--repetition-penalty is -1, want 0 or more": func(g *config.Generate) { g.RepetitionPenalty = -1 },
	} {
		g := good
		spoil(&g)
		if err := checkSettings(g); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %q", err, says)
		}
	}
}

// TestOptimConfig: the zero of the configuration is no momentum, that of the optimizer its default.
func TestOptimConfig(t *testing.T) {
	cfg := config.Default()
	got := OptimConfig(cfg)
	want := optim.Config{
		Rule: optim.Muon, Momentum: 0.95, NewtonSchulz: optim.NewtonSchulz{Steps: 5, Coefficients: []optim.Coefficients{{3.4445, -4.7750, 2.0315}}},
		UpdateScale: 0.2, Rank: 0.25, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, AdamWRatio: 1, WeightDecay: 0.1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	cfg.Optim.Muon.Momentum, cfg.Optim.Muon.Nesterov = 0, false
	if got := OptimConfig(cfg); got.Momentum >= 0 || !got.PlainMomentum {
		t.Errorf("without momentum: %+v", got)
	}
	cfg.Optim.Kind, cfg.Optim.Muon.NSSet, cfg.Optim.Muon.NSSteps, cfg.Optim.Muon.Scale = "normuon", "cans", 4, "spectral"
	got = OptimConfig(cfg)
	if ns := (optim.NewtonSchulz{Set: "cans", Steps: 4}); got.Rule != optim.NorMuon || got.Scale != optim.ScaleSpectral || !cmp.Equal(got.NewtonSchulz, ns) {
		t.Errorf("a rival: %+v", got)
	}
}

// TestPerHead: only projections whose rows are heads are cut, into as many blocks as there are heads.
func TestPerHead(t *testing.T) {
	cfg := config.Default()
	if OptimConfig(cfg).Blocks != nil {
		t.Error("matrices are cut although nobody asked")
	}
	cfg.Optim.Muon.PerHead, cfg.Model.NumAttentionHeads, cfg.Model.NumKeyValueHeads = true, 6, 2
	blocks := OptimConfig(cfg).Blocks
	for name, want := range map[string]int{
		"model.layers.0.self_attn.q_proj.weight": 6, "model.layers.3.self_attn.q_b_proj.weight": 6, "model.layers.3.self_attn.kv_b_proj.weight": 6,
		"model.layers.0.self_attn.k_proj.weight": 2, "model.layers.0.self_attn.v_proj.weight": 2, "model.layers.0.self_attn.o_proj.weight": 1,
		"model.layers.0.self_attn.q_a_proj.weight": 1, "model.layers.0.self_attn.kv_a_proj_with_mqa.weight": 1, "model.layers.0.mlp.up_proj.weight": 1,
	} {
		if got := blocks(optim.Param{Name: name}); got != want {
			t.Errorf("%s is cut into %d, want %d", name, got, want)
		}
	}
}

// TestOptimizerKinds: every kind and coefficient set that a configuration may name makes an optimizer.
func TestOptimizerKinds(t *testing.T) {
	cfg, _, err := config.Load(config.Options{Preset: "tiny", Set: []string{"optim.muon.per_head=true"}})
	if err != nil {
		t.Fatal(err)
	}
	be := cpu.New[float32](1)
	m, err := model.New(cfg.Model, be)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string][]string{}
	for _, k := range config.Keys() {
		kinds[k.Name] = k.Enum
	}
	var rules, sets []string
	for _, r := range optim.Rules() {
		rules = append(rules, string(r))
	}
	for _, s := range optim.CoefficientSets() {
		sets = append(sets, s.Name)
	}
	if diff := cmp.Diff(rules, kinds["optim.kind"]); diff != "" {
		t.Errorf("optim.kind (-optim +config):\n%s", diff)
	}
	if diff := cmp.Diff(sets, kinds["optim.muon.ns_set"]); diff != "" {
		t.Errorf("optim.muon.ns_set (-optim +config):\n%s", diff)
	}
	for _, kind := range rules {
		cfg.Optim.Kind = kind
		if _, err := NewOptimizer(be, m, cfg); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// TestEvalLossAgreesWithTraining: the loss of the last evaluation is what eval loss finds.
func TestEvalLossAgreesWithTraining(t *testing.T) {
	r := trained(t, settings(t, "train.eval_tokens=0"))
	sum, err := r.Pretrain(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	res, err := EvalLoss(t.Context(), EvalOptions{Model: r.Dir})
	if err != nil || math.Abs(res.Loss-*sum.ValLoss) > 1e-6 {
		t.Errorf("%+v, %v; the run found %g", res, err, *sum.ValLoss)
	}
	bits := res.Loss / math.Ln2 * float64(res.Tokens) / float64(res.Bytes)
	if math.Abs(bits-res.BitsPerByte) > 1e-9 {
		t.Errorf("%g bits per byte, want %g", res.BitsPerByte, bits)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := EvalLoss(ctx, EvalOptions{Model: r.Dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted evaluation: %v", err)
	}
}

func TestInspect(t *testing.T) {
	r := trained(t, settings(t))
	found, err := Inspect(r.Dir, 2, 6)
	if err != nil || len(found) != 2 || found.Damage() != nil {
		t.Fatal(found, err)
	}
	for _, i := range found {
		if len(i.Texts) != len(i.Samples) || !strings.HasPrefix(i.Texts[0], "the cat") {
			t.Errorf("%s: texts %q", i.Dir, i.Texts)
		}
	}
	one, err := Inspect(r.shardDir(r.Config.Data.Sources[0].Label(), "val"), 1, 6)
	if err != nil || len(one) != 1 || one[0].Manifest.Split != "val" {
		t.Error(one, err)
	}
	var b strings.Builder
	if err := found.Print(&b); err != nil || strings.Count(b.String(), "verified") != 2 {
		t.Errorf("%s %v", b.String(), err)
	}
}

// TestPlace: a model is moved where the option says, and a device that is not there is named in an error. Without the option it is
// where its run trained, or where there is no such device, the processor.
func TestPlace(t *testing.T) {
	r := trained(t, settings(t))
	if _, err := r.Pretrain(t.Context(), 0, 0); err != nil {
		t.Fatal(err)
	}
	for device, says := range map[string]string{"cpu": "", "auto": "", "": "", "cuda": "train.device=cpu", "gpu": "want one of cpu, cuda, auto"} {
		if device == "auto" || device == "cuda" {
			if be, err := cuda.Open(cuda.Options{}); err == nil {
				if err := be.Close(); err != nil {
					t.Error(err)
				}
				continue // there is a GPU here, which device_test.go is for
			}
		}
		var usage UsageError
		for what, err := range map[string]error{
			"generate": func() error {
				_, err := Generate(t.Context(), GenerateOptions{Model: r.Dir, Samples: 1, Device: device, Settings: config.Generate{MaxTokens: 2}, Given: func(flag string) bool { return flag == "max-tokens" }})
				return err
			}(),
			"eval loss": func() error {
				_, err := EvalLoss(t.Context(), EvalOptions{Model: r.Dir, Device: device})
				return err
			}(),
		} {
			switch {
			case says == "" && err != nil:
				t.Errorf("%s with device %q: %v", what, device, err)
			case says != "" && (!errors.As(err, &usage) || !strings.Contains(err.Error(), says)):
				t.Errorf("%s with device %q: want a usage error with %q, got %v", what, device, says, err)
			}
		}
	}
	m, err := OpenTrained(r.Dir, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	m.Config.Train.Device = "cuda"
	if err := m.Move("", nil); err != nil {
		t.Errorf("a model of a run on a GPU: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}
