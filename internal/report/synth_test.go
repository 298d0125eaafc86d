package report

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"muonclip/internal/metrics"
)

// shape is the size of a made-up run.
type shape struct {
	steps, layers, heads, experts int
	every                         int // steps between evaluations
}

// synthRow makes a row like those of a real run: the loss falls from ln(vocabulary), two heads run away and are
// clipped at tau = 100, and the router finds its balance.
func synthRow(r *rand.Rand, s shape, i int) (row metrics.Row, clips []metrics.Event) {
	t := float64(i) / float64(s.steps)
	noise := func(size float64) float64 { return 1 + size*r.NormFloat64() }
	warm, decay := math.Min(1, float64(i)/(0.05*float64(s.steps))), math.Min(1, (1-t)/0.25)
	loss := 2.9 + 5.4*math.Exp(-9*t) + 0.6*math.Exp(-1.5*t)
	row = metrics.Row{
		Step: int64(i), Tokens: int64(i) * 2048, Seconds: float64(i) * 0.39, Loss: loss * noise(0.02), LR: 0.002 * warm * decay,
		GradNorm: (0.35 + 4*math.Exp(-40*t)) * math.Exp(0.25*r.NormFloat64()), TokensPerSecond: 5300 * noise(0.02), FlopsPerSecond: 9.2e10 * noise(0.02),
		PeakShare: 0.63 * noise(0.02), UpdateRMS: map[string]float64{},
	}
	if i%97 == 96 {
		row.TokensPerSecond *= 0.6
		row.FlopsPerSecond *= 0.6
	}
	for k, kind := range []string{"attention", "dense", "embedding", "expert", "head", "norm", "router", "shared_expert"} {
		row.UpdateRMS[kind] = row.LR * []float64{0.2, 0.2, 0.9, 0.19, 0.7, 0.95, 0.2, 0.2}[k] * noise(0.03)
	}
	for l := range s.layers {
		heads := make([]float32, s.heads)
		for h := range heads {
			v := (1.5 + 7*math.Sqrt(t)*(1+0.4*math.Sin(float64(3*l+5*h)))) * noise(0.06)
			if (l == 2 && h == 3%s.heads) || (l == s.layers-1 && h == 0) {
				v = 2 * math.Exp(9*t) * noise(0.05)
				if v > 100 {
					v = 100 * (1 + 0.25*r.Float64()*math.Exp(-3*t))
					if r.Float64() < 0.6*math.Exp(-2*t) {
						clips = append(clips, metrics.Event{Step: row.Step, Kind: metrics.KindQKClip, Layer: l, Head: h, MaxLogit: v, Gamma: 100 / v})
						row.ClippedHeads++
					} else {
						v = math.Min(v, 97)
					}
				}
			}
			heads[h] = float32(v)
		}
		row.MaxLogit = append(row.MaxLogit, heads)
	}
	for l := 1; l < s.layers && s.experts > 0; l++ {
		load, sum := make([]float32, s.experts), float32(0)
		for e := range load {
			load[e] = float32(math.Exp((0.25 + 1.4*math.Exp(-8*t)) * math.Sin(float64(7*e+l)) * noise(0.2)))
			sum += load[e]
		}
		for e := range load {
			load[e] /= sum
		}
		row.ExpertLoad = append(row.ExpertLoad, load)
	}
	if s.every > 0 && i%s.every == 0 {
		v := loss * 1.015
		row.ValLoss = &v
	}
	return row, clips
}

// synthRun writes the folder of a made-up run.
func synthRun(t testing.TB, dir string, s shape) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	log, err := metrics.Open(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := 1; i <= s.steps; i++ {
		row, clips := synthRow(r, s, i)
		if i == s.steps*6/10 {
			row.Loss, row.GradNorm, row.Skipped = row.Loss*1.8, row.GradNorm*30, true
			must(log.Event(metrics.Event{Step: int64(i), Kind: metrics.KindSpike, Signal: "loss", Value: row.Loss, Z: 7.13, Action: metrics.ActionSkip, Docs: []string{"go-src:123", "go-src:9812", "go-src:77"}}))
		}
		if i == s.steps/2 {
			must(log.Event(metrics.Event{Step: int64(i), Kind: metrics.KindResume}))
		}
		must(log.Row(&row))
		for _, e := range clips {
			must(log.Event(e))
		}
		if s.every > 0 && i%(2*s.every) == 0 {
			path := fmt.Sprintf("checkpoints/step-%06d", i)
			must(log.Event(metrics.Event{Step: int64(i), Kind: metrics.KindCheckpoint, Path: path}))
			must(log.Sample(metrics.Sample{Step: int64(i), Prompt: "func (r *Reader) ", Temperature: 0.8,
				Text: "Read(p []byte) (n int, err error) {\n\tif r.i >= int64(len(r.s)) {\n\t\treturn 0, io.EOF\n\t}\n\tn = copy(p, r.s[r.i:])\n\treturn\n}\n"}))
		}
	}
	must(errors.Join(log.Close(), os.MkdirAll(filepath.Join(dir, "checkpoints", fmt.Sprintf("step-%06d", s.steps)), 0o755)))
	must(os.WriteFile(filepath.Join(dir, "checkpoints", fmt.Sprintf("step-%06d", s.steps), "model.safetensors"), make([]byte, 1<<20), 0o644))
	must(os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(synthConfig), 0o644))
	must(os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(synthManifest), 0o644))
}

const synthConfig = `preset: tiny
model:
  vocab_size: 4096
  hidden_size: 192
  num_hidden_layers: 6
  num_attention_heads: 8
  n_routed_experts: 16
  num_experts_per_tok: 2
  n_shared_experts: 1
  kv_lora_rank: 64
  rope_theta: 50000
optim:
  lr: 0.002
  schedule: wsd
  weight_decay: 0.1
  qk_clip:
    enabled: true
    tau: 100
train:
  steps: 1200
  rows: 8
  seq_len: 256
  grad_clip: 1
data:
  include: ["**/*.go", "**/*.s"]
`

const synthManifest = `{"muonclip_version":"v0.1.0-12-gabc123","go_version":"go1.26.8","cpu":"AMD EPYC 9354, 2 cores, AVX2 FMA","threads":2,"seed":1,"preset":"tiny",
"parameters_total":9216512,"parameters_activated":2949120,"peak_gflops":146.2,"unigram_loss":5.7213,"tokens_train":3912334,"tokens_val":102400,"documents":2311,
"corpus":{"read":{"documents":2410,"bytes":24117248},"kept":{"documents":2311,"bytes":23010431},"dropped":{"near_duplicate":{"documents":22,"bytes":90210},"too_short":{"documents":13,"bytes":901}},
"sources":[{"name":"go-src","path":"goroot","files":2410,"other":812,"read":{"documents":2410,"bytes":24117248}}]},
"tokenizer_fingerprint":"xxh3:9a1be0f4c2d7718a","config_fingerprint":"xxh3:03be55f0a1c9d2e4",
"command":["muonclip","run","--preset","tiny","--set","train.note=a b"],"started":"2026-11-22T14:30:11Z","finished":"2026-11-22T14:38:02Z"}
`
