package main

import (
	"context"

	"github.com/spf13/cobra"

	"muonclip/internal/bench"
)

func newBenchScalingCommand(g *globals) *cobra.Command {
	var opts stepOptions
	var o bench.ScalingOptions
	cmd := &cobra.Command{
		Use:   "scaling",
		Short: "Cost of a step over sequence length, experts, batch and vocabulary",
		Long: `Time training steps and their memory while one thing at a time grows: the sequence length at a fixed
number of tokens, the number of experts at a fixed top-k, the batch, and the vocabulary. Beside each
figure stands what counting predicts from the first of its series. --out writes a picture (.svg) or a
table (.csv), by the name's ending. With the defaults it takes some minutes.`,
		Example: `  muonclip bench scaling --out scaling.svg --out scaling.csv
  muonclip bench scaling --preset tiny --lengths 256,512,1024 --experts "" --batches "" --vocabs ""`,
	}
	opts.addFlags(cmd)
	opts.addStepsFlag(cmd, 2)
	f := cmd.Flags()
	f.IntSliceVar(&o.Lengths, "lengths", []int{256, 512, 1024, 2048, 4096, 8192}, "sequence lengths")
	f.IntVar(&o.Tokens, "tokens", 8192, "tokens of a step over sequence length")
	f.IntSliceVar(&o.Experts, "experts", []int{8, 16, 32, 64, 128}, "numbers of routed experts")
	f.IntSliceVar(&o.Batches, "batches", []int{1, 2, 4, 8, 16, 32}, "sequences of a batch")
	f.IntSliceVar(&o.Vocabs, "vocabs", []int{2048, 4096, 8192, 16384, 32768}, "sizes of the vocabulary")
	f.StringArrayVar(&o.Out, "out", nil, "`FILE` to write too, .svg or .csv; may be repeated")
	return benchCommand(g, cmd, func(ctx context.Context) (measured, error) {
		var err error
		if o.Train, err = opts.load(); err != nil {
			return nil, err
		}
		return bench.MeasureScaling(ctx, o)
	})
}
