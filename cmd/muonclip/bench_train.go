package main

import (
	"context"

	"github.com/spf13/cobra"

	"muonclip/internal/bench"
)

func newBenchTrainCommand(g *globals) *cobra.Command {
	var opts stepOptions
	var compare, recompute bool
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Time training steps: forward, backward, optimizer, QK-Clip",
		Long: `Time full training steps of a configuration's model on random tokens: median, minimum and maximum of
each part and its share of the step, the share of the measured matrix product peak, what loading the
batches costs, and memory: what weights, gradients, optimizer and activations need by count against
the largest resident size. scripts/bench-vs-pytorch.sh alternates it with a PyTorch program.`,
		Example: `  muonclip bench train --preset mini --batch 8 --seq 256
  muonclip bench train --compare-threads
  muonclip bench train --preset tiny --json`,
	}
	opts.addFlags(cmd)
	opts.addStepsFlag(cmd, 10)
	cmd.Flags().BoolVar(&compare, "compare-threads", false, "alternate with a single thread and state the factor")
	cmd.Flags().BoolVar(&recompute, "recompute", false, "as train.activation_recompute=full: run layers again in the backward pass, and state the memory with and without")
	return benchCommand(g, cmd, func(context.Context) (measured, error) {
		o, err := opts.load()
		if err != nil {
			return nil, err
		}
		o.CompareThreads, o.Recompute = compare, o.Recompute || recompute
		return bench.MeasureTrain(o)
	})
}
