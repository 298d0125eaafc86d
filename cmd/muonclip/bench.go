package main

import (
	"cmp"
	"context"
	"io"

	"github.com/spf13/cobra"

	"muonclip/internal/bench"
	"muonclip/internal/stage"
)

func newBenchCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this machine's speed",
		Long: `Commands that measure speed. Run nothing else meanwhile: each table names the machine with its load.
docs/performance.md says how figures are compared.

` + exitCodeHelp,
	}
	group(cmd)
	cmd.AddCommand(
		newBenchTrainCommand(g),
		newBenchGenerateCommand(g),
		newBenchGemmCommand(g),
		newBenchOptimizerCommand(g),
		newBenchTokenizerCommand(g),
		newBenchLoaderCommand(g),
		newBenchScalingCommand(g),
	)
	return cmd
}

// measured is a result of a measurement.
type measured interface{ Print(w io.Writer) error }

// benchCommand fills in what all measuring commands share: no arguments, --json, and an end at the first interrupt.
func benchCommand(g *globals, cmd *cobra.Command, measure func(ctx context.Context) (measured, error)) *cobra.Command {
	var asJSON bool
	cmd.Args = usage(cobra.NoArgs)
	cmd.Long += "\n\n" + exitCodeHelp
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var res measured
		err := orInterrupted(cmd.Context(), func() (err error) {
			res, err = measure(cmd.Context())
			return err
		})
		if err != nil {
			return err
		}
		if asJSON {
			return g.writeJSON(res)
		}
		return res.Print(g.stdout)
	}
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// stepOptions are the flags that describe a training step on random tokens.
type stepOptions struct {
	config            configOptions
	rows, cols, steps int
}

func (o *stepOptions) addFlags(cmd *cobra.Command) {
	o.config.defaultPreset = "mini"
	o.config.addFlags(cmd)
	f := cmd.Flags()
	f.IntVar(&o.rows, "batch", 8, "sequences of a step")
	f.IntVar(&o.cols, "seq", 0, "tokens of a sequence (default 256, or the model's max_position_embeddings where that is less)")
}

func (o *stepOptions) addStepsFlag(cmd *cobra.Command, steps int) {
	cmd.Flags().IntVar(&o.steps, "steps", steps, "measured steps, after one that is not counted")
}

func (o *stepOptions) load() (bench.TrainOptions, error) {
	cfg, _, err := o.config.load()
	if err != nil {
		return bench.TrainOptions{}, err
	}
	return bench.TrainOptions{
		Model: cfg.Model, Rows: o.rows, Cols: cmp.Or(o.cols, min(256, cfg.Model.MaxPositionEmbeddings)), Steps: o.steps, Threads: cfg.Train.Threads, Optim: stage.OptimConfig(cfg),
		Recompute: cfg.Train.ActivationRecompute == "full",
	}, nil
}
