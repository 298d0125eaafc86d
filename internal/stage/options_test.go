package stage

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/internal/config"
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
		Momentum: 0.95, NewtonSchulz: optim.NewtonSchulz{Steps: 5, Coefficients: []optim.Coefficients{{3.4445, -4.7750, 2.0315}}},
		UpdateScale: 0.2, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, WeightDecay: 0.1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	cfg.Optim.Muon.Momentum, cfg.Optim.Muon.Nesterov = 0, false
	if got := OptimConfig(cfg); got.Momentum >= 0 || !got.PlainMomentum {
		t.Errorf("without momentum: %+v", got)
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
