package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"muonclip/internal/bench"
	"muonclip/internal/compute/cpu"
	"muonclip/internal/stage"
)

func newBenchGenerateCommand(g *globals) *cobra.Command {
	config := configOptions{defaultPreset: "mini"}
	var o bench.GenerateOptions
	var weights, folder, device string
	var tokens int
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Time generation: reading prompts and writing tokens",
		Long: `Time generation with a configuration's model from random prompts: tokens a second while prompts are
read and while tokens are written, and the bound of each: the larger of the least number of operations
over the measured matrix product peak, and the bytes of the weights that take part and of the cache over
the rate at which this machine reads so many bytes, which for a small model is the rate of its caches.
With --model a trained model takes the place of random weights, and with --weights bf16 or int8 its
held-out text tells what that costs: loss, divergence, and how often the likeliest token stays.`,
		Example: `  muonclip bench generate --preset mini --prompt 512 --tokens 256 --batch 32
  muonclip bench generate --batch 1 --weights int8 --json
  muonclip bench generate --model runs/tiny --weights bf16`,
	}
	config.addFlags(cmd)
	addDeviceFlag(cmd, &device)
	f := cmd.Flags()
	f.IntVar(&o.Prompt, "prompt", 512, "tokens of each prompt")
	f.IntVar(&o.Tokens, "tokens", 256, "tokens that follow")
	f.IntVar(&o.Batch, "batch", 1, "sequences that advance together")
	f.IntVar(&o.Rounds, "rounds", 3, "measured rounds, after one that is not counted")
	f.StringVar(&weights, "weights", "float32", "how weights are stored: float32, bf16 or int8")
	f.StringVar(&folder, "model", "", "run, checkpoint or model `FOLDER` to measure in place of random weights")
	f.IntVar(&tokens, "accuracy-tokens", 8192, "held-out tokens by which the accuracy of --model is measured")
	return benchCommand(g, cmd, func(ctx context.Context) (measured, error) {
		cfg, _, err := config.load()
		if err != nil {
			return nil, err
		}
		o.Model, o.Threads = cfg.Model, cfg.Train.Threads
		if o.GPU, err = gpu(device, cfg); err != nil {
			return nil, err
		}
		if o.Weights, err = cpu.ParseFormat(weights); err != nil {
			return nil, stage.UsageError{Err: fmt.Errorf("--weights: %w", err)}
		}
		if folder == "" {
			return bench.MeasureGenerate(ctx, o)
		}
		t, rows, err := stage.HeldOutRows(ctx, stage.EvalOptions{Model: folder, Threads: o.Threads, Log: g.logger()}, tokens)
		if err != nil {
			return nil, err
		}
		o.Trained, o.HeldOut = t.Model, rows
		return bench.MeasureGenerate(ctx, o)
	})
}
