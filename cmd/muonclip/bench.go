package main

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"muonclip/internal/bench"
	"muonclip/internal/compute/cuda"
	"muonclip/internal/config"
	"muonclip/internal/plan"
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
	tokens            int    // of a step, 0 for those of one micro-batch
	device            string // "" for what the configuration says
}

func (o *stepOptions) addFlags(cmd *cobra.Command) {
	o.config.defaultPreset = "mini"
	o.config.addFlags(cmd)
	f := cmd.Flags()
	f.IntVar(&o.rows, "batch", 8, "sequences of a step, or of a micro-batch of it")
	f.IntVar(&o.cols, "seq", 0, "tokens of a sequence (default 256, or the model's max_position_embeddings where that is less)")
}

func (o *stepOptions) addStepsFlag(cmd *cobra.Command, steps int) {
	cmd.Flags().IntVar(&o.steps, "steps", steps, "measured steps, after one that is not counted")
}

// addDeviceFlag adds --device, for commands that measure a GPU too.
func addDeviceFlag(cmd *cobra.Command, device *string) {
	cmd.Flags().StringVar(device, "device", "", "cpu or cuda (default: train.device of the configuration)")
}

// gpu says how to use the GPU, or nil for the processor.
func gpu(flag string, cfg config.Config) (*cuda.Options, error) {
	switch device := cmp.Or(flag, cfg.Train.Device, "cpu"); device {
	case "cpu":
		return nil, nil
	case "cuda":
		o := plan.GPUOptions(cfg)
		return &o, nil
	default:
		return nil, usageError{fmt.Errorf("--device %s: a measurement has to say where it runs; want cpu or cuda", device)}
	}
}

func (o *stepOptions) load() (bench.TrainOptions, error) {
	cfg, _, err := o.config.load()
	if err != nil {
		return bench.TrainOptions{}, err
	}
	t := bench.TrainOptions{
		Model: cfg.Model, Rows: o.rows, Cols: cmp.Or(o.cols, min(256, cfg.Model.MaxPositionEmbeddings)), Steps: o.steps, Threads: cfg.Train.Threads, Optim: stage.OptimConfig(cfg),
		Recompute: cfg.Train.ActivationRecompute == "full",
	}
	if micro := t.Rows * t.Cols; o.tokens > 0 {
		if o.tokens%micro != 0 {
			return t, usageError{fmt.Errorf("--tokens-per-step %d is no multiple of the %d tokens of a micro-batch (--batch %d, --seq %d)", o.tokens, micro, t.Rows, t.Cols)}
		}
		t.MicroBatches = o.tokens / micro
	}
	t.GPU, err = gpu(o.device, cfg)
	return t, err
}

// each is load for several presets, or for what --preset and --config say where none is named.
func (o *stepOptions) each(presets []string) (names []string, all []bench.TrainOptions, err error) {
	if len(presets) == 0 {
		presets = []string{o.config.preset}
	}
	for _, preset := range presets {
		o.config.preset = preset
		t, err := o.load()
		if err != nil {
			return nil, nil, err
		}
		names, all = append(names, cmp.Or(preset, "config")), append(all, t)
	}
	return names, all, nil
}
