package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"muonclip/internal/bench"
)

func newBenchTrainCommand(g *globals) *cobra.Command {
	var opts stepOptions
	var compare, recompute, profile bool
	var presets []string
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Time training steps: forward, backward, optimizer, QK-Clip",
		Long: `Time full training steps of a configuration's model on random tokens: median, minimum and maximum of
each part and its share of the step, the share of the measured matrix product peak, what loading the
batches costs, and memory: what weights, gradients, optimizer and activations need by count against
the largest resident size. scripts/bench-vs-pytorch.sh alternates it with a PyTorch program.

With --device cuda the step runs on the GPU, in bf16 unless train.precision=float32. The peak is then
that of a large product of bf16 matrices, and memory is what muonclip plan predicts, what is allocated,
and what the driver says is taken. scripts/bench-gpu.sh alternates it with a PyTorch program.`,
		Example: `  muonclip bench train --preset mini --batch 8 --seq 256
  muonclip bench train --compare-threads
  muonclip bench train --preset tiny --json
  muonclip bench train --device cuda --models dense-124m,small-moe --batch 32 --seq 1024 --tokens-per-step 524288`,
	}
	opts.addFlags(cmd)
	opts.addStepsFlag(cmd, 10)
	addDeviceFlag(cmd, &opts.device)
	cmd.Flags().IntVar(&opts.tokens, "tokens-per-step", 0, "tokens of a step, which then has several micro-batches of --batch sequences (default: one micro-batch)")
	cmd.Flags().StringSliceVar(&presets, "models", nil, "presets to measure one after the other, in place of --preset")
	cmd.Flags().BoolVar(&compare, "compare-threads", false, "alternate with a single thread and state the factor")
	cmd.Flags().BoolVar(&recompute, "recompute", false, "as train.activation_recompute=full: run layers again in the backward pass, and state the memory with and without")
	cmd.Flags().BoolVar(&profile, "profile", false, "with --device cuda: also time each kernel and product alone")
	return benchCommand(g, cmd, func(context.Context) (measured, error) {
		names, steps, err := opts.each(presets)
		if err != nil {
			return nil, err
		}
		var all bench.Trains
		for i, o := range steps {
			o.CompareThreads, o.Recompute, o.Profile = compare, o.Recompute || recompute, profile
			res, err := bench.MeasureTrain(o)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", names[i], err)
			}
			if len(presets) == 0 {
				return res, nil
			}
			all = append(all, bench.NamedTrain{Model: names[i], Train: res})
		}
		return all, nil
	})
}
