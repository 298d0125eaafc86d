package main

import (
	"context"

	"github.com/spf13/cobra"

	"muonclip/internal/bench"
)

func newBenchOptimizerCommand(g *globals) *cobra.Command {
	var opts stepOptions
	cmd := &cobra.Command{
		Use:   "optimizer",
		Short: "Take the optimizer's update apart: Muon, Newton-Schulz, AdamW, QK-Clip",
		Long: `Time the parts of an update and their shares of a training step: Muon, one Newton-Schulz iteration with
its operations counted with and without symmetry and its share of the measured peak, AdamW, QK-Clip
where no head is above the threshold and where all are, and the norm of the gradients.`,
		Example: `  muonclip bench optimizer --preset mini
  muonclip bench optimizer --preset small-moe --steps 3 --json`,
	}
	opts.addFlags(cmd)
	opts.addStepsFlag(cmd, 10)
	return benchCommand(g, cmd, func(context.Context) (measured, error) {
		o, err := opts.load()
		if err != nil {
			return nil, err
		}
		return bench.MeasureOptimizer(o)
	})
}
