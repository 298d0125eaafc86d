package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// later is a configuration with tasks.
func later(t *testing.T) Config {
	t.Helper()
	c, _ := mustLoad(t, Options{Preset: "tiny"})
	c.Tasks = []Task{{Env: "math", Dialogues: 10, Share: 1}}
	c.RL.Iterations, c.RL.Prompts, c.RL.Samples, c.RL.WarmupSteps = 3, 5, 2, 0
	return c
}

// TestMicroBatchOfRL: rl.micro_batch_size is what the training pass takes, whether it divides the rollouts or not, and
// the configuration of the stage can be read back.
func TestMicroBatchOfRL(t *testing.T) {
	for _, tt := range []struct{ size, want int }{{8, 8}, {3, 3}, {64, 64}, {0, 10}} {
		c := later(t)
		c.RL.MicroBatchSize = tt.size
		stage := c.For(StageRL)
		if got := stage.Train.MicroBatch(); got != tt.want {
			t.Errorf("rl.micro_batch_size %d: passes of %d rows, want %d", tt.size, got, tt.want)
		}
		path := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(path, stage.Marshal(), 0o644); err != nil {
			t.Fatal(err)
		}
		back, err := Read(path)
		if err != nil {
			t.Fatalf("rl.micro_batch_size %d: %v", tt.size, err)
		}
		if back.Train.MicroBatch() != tt.want || back.Stage != StageRL {
			t.Errorf("rl.micro_batch_size %d is read back as %d in the stage %q", tt.size, back.Train.MicroBatch(), back.Stage)
		}
		other := c
		other.RL.MicroBatchSize = 5
		if err := Contradicts(stage, other.For(StageRL)); err != nil {
			t.Errorf("the rows of a pass may change in a run: %v", err)
		}
	}
}

func TestMicroBatchValidation(t *testing.T) {
	pretrain := later(t)
	pretrain.Train.BatchSize, pretrain.Train.MicroBatchSize = 10, 3
	rl := later(t)
	rl.RL.MicroBatchSize = -1
	for want, c := range map[string]Config{
		"train.micro_batch_size is 3, want a divisor": pretrain, "train.micro_batch_size is -1": rl.For(StageRL), "rl.micro_batch_size is -1": rl,
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
}
