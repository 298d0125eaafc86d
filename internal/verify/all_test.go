package verify

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"muonclip/internal/config"
)

func TestAllPassesForEveryPreset(t *testing.T) {
	for _, preset := range []string{"tiny", "dense-124m", "kimi-k2", "moonlight-16b-a3b"} {
		t.Run(preset, func(t *testing.T) {
			cfg, _, err := config.Load(config.Options{Preset: preset})
			if err != nil {
				t.Fatal(err)
			}
			checks, err := All(t.Context(), cfg.Model, Options{Seed: 5})
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{}
			for _, c := range checks {
				seen[c.Name] = true
				if !c.OK {
					t.Errorf("%s: worst %g, allowed %g, %s", c.Name, c.Worst, c.Tolerance, c.Detail)
				}
			}
			for _, name := range []string{"qk-clip-logit", "qk-clip-rest", "cache", "gradients-gorgonia"} {
				if !seen[name] {
					t.Errorf("check %s did not run", name)
				}
			}
		})
	}
}

// TestAllWithNormalisedHeads: what such a model cannot do is not checked, and the rest passes.
func TestAllWithNormalisedHeads(t *testing.T) {
	for preset, last := range map[string]string{"tiny": "", "dense-124m": "cache"} {
		cfg, _, err := config.Load(config.Options{Preset: preset})
		if err != nil {
			t.Fatal(err)
		}
		cfg.Model.QKNorm = true
		checks, err := All(t.Context(), cfg.Model, Options{Seed: 5})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range checks {
			if !c.OK || strings.HasPrefix(c.Name, "qk-clip") {
				t.Errorf("%s: %s: worst %g, allowed %g, %s", preset, c.Name, c.Worst, c.Tolerance, c.Detail)
			}
		}
		if name := checks[len(checks)-1].Name; (name == "cache") != (last == "cache") {
			t.Errorf("%s: the last check is %s", preset, name)
		}
	}
}

func TestClipCheckNoticesAWrongRow(t *testing.T) {
	cfg, _, err := config.Load(config.Options{Preset: "tiny"})
	if err != nil {
		t.Fatal(err)
	}
	small := Reduce(cfg.Model)
	m, _, err := randomModel(small, 1)
	if err != nil {
		t.Fatal(err)
	}
	p := m.Param("model.layers.0.self_attn.kv_b_proj.weight")
	before := append([]float64(nil), p.Value...)
	p.Value[(small.QKNopeHeadDim+1)*p.Cols] *= 0.5 // a value row, which no clip may touch
	if n := countChanged(small, p, before, 0, nil); n != 1 {
		t.Errorf("%d changed elements were noticed, want 1", n)
	}
}

func TestChecksAreJSON(t *testing.T) {
	for want, worst := range map[string]float64{"0.5": 0.5, "null": math.Inf(1)} {
		data, err := json.Marshal([]Check{{Name: "x", Worst: worst}})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(data), `"worst":`+want) || !strings.Contains(string(data), `"name":"x"`) {
			t.Errorf("%s does not hold a worst error of %s", data, want)
		}
	}
}
