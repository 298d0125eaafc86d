package main

import (
	"github.com/spf13/cobra"

	"muonclip/internal/stage"
)

func newRunCommand(g *globals) *cobra.Command {
	opts := configOptions{defaultPreset: "tiny"}
	var out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Do everything: tokenizer, shards, pretraining, what the tasks ask for, report",
		Long: `Train a model from raw text, stage by stage:

  dialogues  solve tasks of the environments, for sft
  tokenizer  learn a byte-level BPE vocabulary from the text
  shards     encode the text into checksummed Arrow files, with a held-out part
  pretrain   train the model with MuonClip, with checkpoints and samples
  sft        fine-tune it on dialogues, in the folder sft
  rl         train it by what it earns in the environments, in the folder rl
  evaluate   let the models of all stages act in the same held-out tasks
  report     draw report.html, one file that needs nothing else

Dialogues, sft, rl and evaluate are done only where the configuration has tasks, and rl only where
rl.iterations is above 0 too.

A stage whose result is already in the run folder is skipped, so the same command continues an
interrupted run from its newest checkpoint. Ctrl-C saves a checkpoint first. Without --preset the
preset is tiny: a small mixture-of-experts model with latent attention that learns the source of
the Go standard library in a few minutes on two CPU cores.

` + exitCodeHelp,
		Example: `  muonclip run
  muonclip run --data ~/books --out runs/books
  muonclip run --preset mini --set train.steps=200 --set train.lr=1e-3`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := opts.open(g, out, nil)
			if err != nil {
				return err
			}
			defer r.Close()
			sum, err := r.All(cmd.Context())
			if err != nil {
				return err
			}
			return g.printSummary(sum, asJSON)
		},
	}
	opts.addFlags(cmd)
	addOutFlag(cmd, &out)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func newPretrainCommand(g *globals) *cobra.Command {
	opts := configOptions{defaultPreset: "tiny"}
	var out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "pretrain",
		Short: "Train the model of a run folder on its shards",
		Long: `Train on the shards that "muonclip data shard" made in the same run folder, from the newest valid
checkpoint on where there is one, and write the report. A run that is killed and started again ends
with the same bytes as one that was never stopped.

metrics.jsonl has a row for every step, events.jsonl every clipped head, spike and checkpoint,
tensorboard/ the same for TensorBoard.

` + exitCodeHelp,
		Example: `  muonclip tokenizer train --preset mini --out runs/mini
  muonclip data shard --out runs/mini
  muonclip pretrain --out runs/mini`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := opts.open(g, out, nil)
			if err != nil {
				return err
			}
			defer r.Close()
			sum, err := r.PretrainAndReport(cmd.Context(), 1, 2)
			if err != nil {
				return err
			}
			return g.printSummary(sum, asJSON)
		},
	}
	opts.addFlags(cmd)
	addOutFlag(cmd, &out)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func (g *globals) printSummary(sum *stage.Summary, asJSON bool) error {
	if asJSON {
		return g.writeJSON(sum)
	}
	return sum.Print(g.stdout)
}
