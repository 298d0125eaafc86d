package plan

import (
	"strings"
	"testing"

	"muonclip/internal/config"
	"muonclip/optim"
)

func TestOnGPU(t *testing.T) {
	c, _, err := config.Load(config.Options{Preset: "mini"})
	if err != nil {
		t.Fatal(err)
	}
	need := func(c config.Config, rows int) int64 {
		t.Helper()
		bytes, err := OnGPU(c, optim.Config{}, rows, Generation{})
		if err != nil {
			t.Fatal(err)
		}
		return bytes
	}
	one, eight := need(c, 1), need(c, 8)
	state := 4 * c.Model.Size().Total * 3 // weights, gradients, momentum
	if one < state || one > eight {
		t.Errorf("one sequence takes %d bytes and eight take %d; weights, gradients and momentum alone are %d", one, eight, state)
	}
	t.Logf("%s: 1 sequence %.2f GiB, 8 sequences %.2f GiB, of which weights, gradients and momentum %.2f", c.Preset, float64(one)/gib, float64(eight)/gib, float64(state)/gib)
	full := c
	full.Train.ActivationRecompute = "full"
	if less := need(full, 8); less >= eight {
		t.Errorf("with recomputation eight sequences take %d bytes, without %d", less, eight)
	}
	more, err := OnGPU(c, optim.Config{}, 8, Generation{Sequences: 4, Tokens: 600})
	if cache := int64(4 * 10 * 64 * c.Model.NumHiddenLayers * (c.Model.KVLoraRank + c.Model.QKRopeHeadDim) * 2); err != nil || more < eight+cache {
		t.Errorf("with a cache of %d bytes eight sequences take %d, without %d: %v", cache, more, eight, err)
	}
	c.Train.BatchSize, c.Train.MicroBatchSize = 8, 8
	four := need(c, 4)
	if err := FitsGPU(c, optim.Config{}, Generation{}, eight); err != nil {
		t.Errorf("what fits exactly is refused: %v", err)
	}
	if err := FitsGPU(c, optim.Config{}, Generation{}, four); err == nil || !strings.Contains(err.Error(), "train.micro_batch_size=4") {
		t.Errorf("with memory for four sequences: %v", err)
	}
	if err := FitsGPU(c, optim.Config{}, Generation{}, state/2); err == nil || !strings.Contains(err.Error(), "smaller model") {
		t.Errorf("with memory for none: %v", err)
	}
}
