package plan

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"muonclip/configs"
	"muonclip/internal/config"
	"muonclip/model"
)

const big = 1 << 50 // more memory than any preset needs

func load(t *testing.T, preset string, set ...string) config.Config {
	t.Helper()
	c, _, err := config.Load(config.Options{Preset: preset, Set: set})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func within(t *testing.T, name string, got, low, high float64) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s is %g, want %g to %g", name, got, low, high)
	}
}

// TestKimiK2 holds the plan to the report (arXiv 2507.20534): 1.03 to 1.04T parameters, 32 to 33B
// activated, 15.5T tokens in about 231,000 steps, and about 30 GB a device for bfloat16 weights and
// float32 gradients on 256 devices.
func TestKimiK2(t *testing.T) {
	p := Make(load(t, "kimi-k2"), MachineMemory{Available: big})
	within(t, "total", math.Round(float64(p.Size.Total)/1e10)*1e10, 1.03e12, 1.04e12)
	within(t, "activated", float64(p.Size.Activated), 32e9, 33e9)
	within(t, "steps", float64(p.Run.Steps), 230_000, 232_000)
	within(t, "weights and gradients", float64(p.Device.Weights+p.Device.Gradients), 28e9, 33e9)
	within(t, "training FLOPs over 6 x activated", p.Token.Train.Linear/(6*float64(p.Size.Activated)), 0.96, 1)
	if p.Token.KVCacheBytes != 61*(512+64)*2 {
		t.Errorf("KV cache of %d bytes a token", p.Token.KVCacheBytes)
	}
	if len(p.Warnings) != 0 {
		t.Errorf("warnings %q", p.Warnings)
	}
}

// TestMoonlight holds the plan to the report (arXiv 2502.16982): 15.29B and 2.24B without
// embeddings, 16B and 3B with them.
func TestMoonlight(t *testing.T) {
	p := Make(load(t, "moonlight-16b-a3b"), MachineMemory{Available: big})
	within(t, "core total", float64(p.Size.CoreTotal), 15.285e9, 15.295e9)
	within(t, "core activated", float64(p.Size.CoreActivated), 2.235e9, 2.245e9)
	within(t, "total", float64(p.Size.Total), 15.5e9, 16.5e9)
	within(t, "activated", float64(p.Size.Activated), 2.5e9, 3.5e9)
}

func TestPresetSizes(t *testing.T) {
	for name, want := range map[string][2]float64{ // activated parameters
		"dense-124m": {123e6, 125e6}, "small-moe": {57e6, 64e6}, "tiny": {0.5e6, 2e6},
	} {
		p := Make(load(t, name), MachineMemory{Available: big})
		within(t, name, float64(p.Size.Activated), want[0], want[1])
	}
}

// TestStagesHoldTheModel: whatever the layout, the devices together hold each parameter once, and
// the sharded optimizer state is the model's.
func TestStagesHoldTheModel(t *testing.T) {
	for _, preset := range configs.Names() {
		c := load(t, preset)
		total := c.Model.Size().Total
		for _, pp := range []int{1, 2, 3} {
			var held int64
			layers := 0
			for _, s := range splitStages(c, pp) {
				held += s.shared.total() + s.experts.total()
				layers += s.last - s.first
			}
			if c.Model.TieWordEmbeddings && pp > 1 {
				held -= int64(c.Model.VocabSize) * int64(c.Model.HiddenSize) // both ends hold the table
			}
			if held != total || layers != c.Model.NumHiddenLayers {
				t.Errorf("%s in %d stages: %d parameters and %d layers, want %d and %d", preset, pp, held, layers, total, c.Model.NumHiddenLayers)
			}
		}
	}
}

// TestMemoryByHand counts a model small enough for paper: one dense layer of grouped-query
// attention, on one device and on two data-parallel ones.
func TestMemoryByHand(t *testing.T) {
	c := load(t, "dense-124m")
	c.Model = model.Config{
		VocabSize: 10, HiddenSize: 4, IntermediateSize: 6, NumHiddenLayers: 1, NumAttentionHeads: 2, NumKeyValueHeads: 1, HeadDim: 2,
		FirstKDenseReplace: 1,
	}
	c.Train.BatchSize, c.Train.MicroBatchSize, c.Train.SeqLen = 4, 2, 8
	matrices := int64(4*4 + 2*4 + 2*4 + 4*4 + 3*6*4) // q, k, v, o, feed-forward
	others := int64(2*10*4 + 3*4)                    // embedding, head, norms
	c.Cluster = config.Cluster{
		Devices: 2, DeviceMemoryGiB: 1, WeightDtype: "bf16", GradDtype: "fp32", OptimizerDtype: "fp32", MasterDtype: "fp32",
		ActivationDtype: "bf16", ActivationRecompute: "none", ShardOptimizer: true,
	}
	layer := int64(2*4 + 2*2 + 2 + 2*2 + 2*1*2 + 2*4 + 3*6)
	if got := ActivationElems(c.Model, 0); got != layer {
		t.Errorf("a token leaves %d values, want %d", got, layer)
	}
	normed := c.Model
	normed.QKNorm = true
	if got, want := ActivationElems(normed, 0), layer+2*(2+1)+1*(2+1); got != want { // queries and keys before their norms, and a statistic of each
		t.Errorf("a token leaves %d values with normalised heads, want %d", got, want)
	}
	m := deviceMemory(c)
	tokens := int64(2 * 8)
	want := Memory{
		Weights: 2 * (matrices + others), Gradients: 4 * (matrices + others),
		Master: 4 * (matrices + others) / 2, Optimizer: 4 * (matrices + 2*others) / 2,
		Activations: tokens * (2*layer + 2*2*4 + 4*10),
		Capacity:    1 << 30, MicroBatch: 2, MicroBatches: 1,
	}
	want.Total = want.Weights + want.Gradients + want.Master + want.Optimizer + want.Activations
	if m != want {
		t.Errorf("got  %+v\nwant %+v", m, want)
	}
	c.Cluster.ShardOptimizer = false
	if got := deviceMemory(c); got.Optimizer != 2*want.Optimizer || got.Master != 2*want.Master {
		t.Errorf("without sharding: optimizer %d, master %d", got.Optimizer, got.Master)
	}
	c.Optim.Kind = "adamw"
	if got := deviceMemory(c); got.Optimizer != 4*2*(matrices+others) {
		t.Errorf("two buffers everywhere with AdamW: %d", got.Optimizer)
	}
}

func TestParallelismSavesMemory(t *testing.T) {
	one := Make(load(t, "kimi-k2", "cluster.ep=1"), MachineMemory{})
	sixteen := Make(load(t, "kimi-k2"), MachineMemory{})
	if one.Device.Weights <= 10*sixteen.Device.Weights {
		t.Errorf("weights %d with ep 1, %d with ep 16", one.Device.Weights, sixteen.Device.Weights)
	}
	kept := Make(load(t, "kimi-k2", "cluster.activation_recompute=none"), MachineMemory{})
	if kept.Device.Activations <= 3*sixteen.Device.Activations {
		t.Errorf("activations %d kept, %d recomputed", kept.Device.Activations, sixteen.Device.Activations)
	}
	if kept.Device.Stage > 1 { // the very first stage has one layer of experts less
		t.Errorf("early stages hold most micro-batches, got stage %d", kept.Device.Stage)
	}
}

func TestTime(t *testing.T) {
	c := load(t, "dense-124m")
	p := Make(c, MachineMemory{})
	want := float64(c.Train.TotalTokens()) * c.Model.TrainFLOPs(1024).Total() / (989e12 * 0.4)
	within(t, "seconds", p.Time.Seconds, 0.999*want, 1.001*want)
	c.Cluster.Devices, c.Cluster.DP = 4, 4
	four := Make(c, MachineMemory{})
	within(t, "seconds on four", four.Time.Seconds, 0.249*want, 0.251*want)
	within(t, "device hours", four.Time.DeviceHours, 0.999*p.Time.DeviceHours, 1.001*p.Time.DeviceHours)
}

func TestWarnings(t *testing.T) {
	for _, tt := range []struct {
		preset string
		set    []string
		here   int64
		want   string
	}{
		{"kimi-k2", nil, 16 << 30, "does not fit this machine"},
		{"kimi-k2", []string{"cluster.ep=1"}, 0, "does not fit: a device needs"},
		{"small-moe", []string{"cluster.device_memory_gib=15.5"}, 0, "tight"},
		{"kimi-k2", []string{"train.batch_size=1000"}, 0, "not a multiple of the 128"},
		{"kimi-k2", []string{"train.batch_size=1280"}, 0, "pipeline bubble"},
		{"small-moe", []string{"cluster.devices=6", "cluster.dp=6", "cluster.ep=6"}, 0, "does not divide the model's 64"},
		{"mini", []string{"cluster.pp=7", "cluster.devices=7"}, 0, "more than the model's 6 layers"},
		{"tiny", []string{"train.batch_size=1"}, 0, "Newton-Schulz"},
	} {
		p := Make(load(t, tt.preset, tt.set...), MachineMemory{Available: tt.here})
		if !strings.Contains(strings.Join(p.Warnings, "\n"), tt.want) {
			t.Errorf("%s %v: warnings %q, want one with %q", tt.preset, tt.set, p.Warnings, tt.want)
		}
	}
	if p := Make(load(t, "tiny"), MachineMemory{Available: 2 << 30}); len(p.Warnings) != 0 || !p.Here.Fits {
		t.Errorf("tiny trains in 2 GiB: %+v", p.Warnings)
	}
}

func TestPrint(t *testing.T) {
	p := Make(load(t, "kimi-k2"), MachineMemory{Available: 16 << 30, Limit: "MemAvailable"})
	var b strings.Builder
	if err := p.Print(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1.026T", "32.862B", "plan of kimi-k2", "dp 128, ep 16, pp 16", "days", "16.00 GiB", "warning: does not fit this machine"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table does not say %q:\n%s", want, b.String())
		}
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back Plan
	if err := json.Unmarshal(data, &back); err != nil || back.Size.Total != p.Size.Total || back.Device != p.Device {
		t.Errorf("JSON does not read back: %v", err)
	}
}

func TestTexts(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{countText(1.0264e12), "1.026T"}, {countText(12_500), "12.5k"}, {countText(4096), "4096"}, {countText(0), "0"},
		{bytesText(1536), "1.50 KiB"}, {bytesText(80 << 30), "80.00 GiB"}, {bytesText(5), "5 B"},
		{durationText(200), "3m20s"}, {durationText(0.25), "0.25s"}, {durationText(10 * 86400), "10.0 days"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}
