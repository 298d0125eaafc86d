package main

import (
	"github.com/spf13/cobra"

	"muonclip/internal/bench"
	"muonclip/internal/stage"
)

func newBenchCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this machine's speed",
		Long:  "Commands that measure speed on random data. Run nothing else meanwhile.\n\n" + exitCodeHelp,
	}
	group(cmd)
	cmd.AddCommand(newBenchTrainCommand(g))
	return cmd
}

func newBenchTrainCommand(g *globals) *cobra.Command {
	opts := configOptions{defaultPreset: "mini"}
	var rows, cols, steps int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Time training steps: forward, backward, optimizer, QK-Clip",
		Long: `Time full training steps of a configuration's model on random tokens: minimum, median and maximum of
each part, the share of the measured matrix product peak, and what is allocated in a step.
scripts/bench-vs-pytorch.sh alternates it with a PyTorch program.

` + exitCodeHelp,
		Example: `  muonclip bench train --preset mini --batch 8 --seq 256
  muonclip bench train --preset tiny --json`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := opts.load()
			if err != nil {
				return err
			}
			var res *bench.Train
			err = orInterrupted(cmd.Context(), func() (err error) {
				res, err = bench.MeasureTrain(bench.TrainOptions{
					Model: cfg.Model, Rows: rows, Cols: cols, Steps: steps, Threads: cfg.Train.Threads, Optim: stage.OptimConfig(cfg),
				})
				return err
			})
			if err != nil {
				return err
			}
			if asJSON {
				return g.writeJSON(res)
			}
			return res.Print(g.stdout)
		},
	}
	opts.addFlags(cmd)
	f := cmd.Flags()
	f.IntVar(&rows, "batch", 8, "sequences of a step")
	f.IntVar(&cols, "seq", 256, "tokens of a sequence")
	f.IntVar(&steps, "steps", 10, "measured steps, after one that is not counted")
	addJSONFlag(cmd, &asJSON)
	return cmd
}
