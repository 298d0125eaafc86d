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
		bytes, err := OnGPU(c, optim.Config{}, rows)
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
	c.Train.BatchSize, c.Train.MicroBatchSize = 8, 8
	four := need(c, 4)
	if err := FitsGPU(c, optim.Config{}, eight); err != nil {
		t.Errorf("what fits exactly is refused: %v", err)
	}
	if err := FitsGPU(c, optim.Config{}, four); err == nil || !strings.Contains(err.Error(), "train.micro_batch_size=4") {
		t.Errorf("with memory for four sequences: %v", err)
	}
	if err := FitsGPU(c, optim.Config{}, state/2); err == nil || !strings.Contains(err.Error(), "smaller model") {
		t.Errorf("with memory for none: %v", err)
	}
}
