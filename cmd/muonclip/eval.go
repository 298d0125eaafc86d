package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"muonclip/internal/stage"
)

func newEvalCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Measure a trained model",
		Long:  "Commands that measure a trained model.\n\n" + exitCodeHelp,
	}
	group(cmd)
	cmd.AddCommand(newEvalLossCommand(g), newEvalTasksCommand(g))
	return cmd
}

func newEvalLossCommand(g *globals) *cobra.Command {
	var from modelOptions
	var o stage.EvalOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "loss",
		Short: "Held-out loss of a model: nats per token, perplexity, bits per byte",
		Long: `Compute the mean next-token cross-entropy of a model over held-out text: the held-out shards of its
run folder, or with --data any text. The result is in nats per token, and in bits per byte of text,
which can be compared between tokenizers. A run folder stands for its newest checkpoint.

` + exitCodeHelp,
		Example: `  muonclip eval loss --preset tiny
  muonclip eval loss --model runs/tiny/checkpoints/step-000100 --json
  muonclip eval loss --model hf-folder --data book.txt --seq-len 512`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.Model, err = from.folder(); err != nil {
				return err
			}
			o.Log = g.logger()
			res, err := stage.EvalLoss(cmd.Context(), o)
			if err != nil {
				return err
			}
			if asJSON {
				return g.writeJSON(res)
			}
			_, err = fmt.Fprintf(g.stdout, "loss %.4f nats/token  perplexity %.2f  %.4f bits/byte  (%d tokens, %d bytes; %s)\n",
				res.Loss, res.Perplexity, res.BitsPerByte, res.Tokens, res.Bytes, res.Weights)
			return err
		},
	}
	from.addFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.Data, "data", "", "text `PATH` to evaluate on instead of the run's held-out shards")
	f.IntVar(&o.SeqLen, "seq-len", 0, "tokens of a sequence; 0 means the run's, or 512")
	f.IntVar(&o.Threads, "threads", 0, "threads; 0 means all processors")
	addPlaceFlag(cmd, &o.Device)
	addJSONFlag(cmd, &asJSON)
	return cmd
}
