package main

import (
	"context"

	"github.com/spf13/cobra"

	"muonclip/internal/bench"
)

func newBenchLoaderCommand(g *globals) *cobra.Command {
	var opts stepOptions
	var o bench.LoaderOptions
	cmd := &cobra.Command{
		Use:   "loader",
		Short: "Time making batches from shards, beside a training step",
		Long: `Write shards of random tokens to a temporary folder and time the checks on opening them, the batches made of
them with the shards in memory and read from their files, and a training step on such a batch.`,
		Example: `  muonclip bench loader --preset mini
  muonclip bench loader --preset tiny --tokens 50000000`,
	}
	opts.addFlags(cmd)
	opts.addStepsFlag(cmd, 5)
	f := cmd.Flags()
	f.Int64Var(&o.Tokens, "tokens", 4<<20, "random tokens in the shards")
	f.IntVar(&o.Batches, "batches", 200, "batches that are timed")
	return benchCommand(g, cmd, func(context.Context) (measured, error) {
		var err error
		if o.Train, err = opts.load(); err != nil {
			return nil, err
		}
		return bench.MeasureLoader(o)
	})
}
