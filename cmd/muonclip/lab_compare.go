package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"muonclip/internal/lab"
)

func newLabCompareCommand(g *globals) *cobra.Command {
	var o lab.CompareOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "compare RUN RUN...",
		Short: "Compare runs: curves aligned by tokens, FLOPs or time, differences with intervals",
		Long: `Hold runs against the first of them over the range that all cover. Folders that differ only in -seedN at the end are one
entry, and then intervals are Student's over the seeds, paired. Of single runs the difference of the training loss is paired
by step with a block bootstrap, which knows the noise of batches and nothing of other seeds.

` + exitCodeHelp,
		Example: `  muonclip lab compare runs/a runs/b
  muonclip lab compare runs/lab/kimi-fig2/muon-seed* runs/lab/kimi-fig2/muonclip-seed* --align flops --out compare.html`,
		Args: usage(cobra.MinimumNArgs(2)),
		RunE: func(_ *cobra.Command, args []string) error {
			o.Runs = args
			c, err := lab.Compare(o)
			if err != nil {
				return err
			}
			if asJSON {
				return g.writeJSON(c)
			}
			if err := c.Print(g.stdout); err != nil || o.Out == "" {
				return err
			}
			_, err = fmt.Fprintf(g.stdout, "curves in %s\n", o.Out)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Align, "align", "tokens", "tokens, flops, time or steps")
	f.StringVar(&o.Out, "out", "", "HTML `FILE` to draw the curves in")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func newLabExplainCommand(g *globals) *cobra.Command {
	var o lab.ExplainOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain RUN",
		Short: "Say what was loud, what jumped and what was clipped in a run",
		Long: `List the attention heads with the largest logits, which of them QK-Clip rescaled, when and until when, and the spikes of
loss and gradient norm with the documents in their batches, which are made again from the run's shards. Where fewer
spikes were marked than asked for, the largest jumps stand beside them. explain.html in the run folder has the pictures.

` + exitCodeHelp,
		Example: `  muonclip lab explain runs/tiny
  muonclip lab explain runs/lab/kimi-fig2/muonclip-seed1 --heads 4 --spikes 2`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			if o.Heads < 1 || o.Steps < 1 {
				return usageError{fmt.Errorf("--heads is %d and --spikes is %d, want 1 or more", o.Heads, o.Steps)}
			}
			o.Run = args[0]
			if o.Out == "" {
				o.Out = filepath.Join(o.Run, "explain.html")
			}
			e, err := lab.Explain(o)
			if err != nil {
				return err
			}
			if asJSON {
				return g.writeJSON(e)
			}
			if err := e.Print(g.stdout); err != nil {
				return err
			}
			_, err = fmt.Fprintf(g.stdout, "pictures in %s\n", o.Out)
			return err
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Heads, "heads", 8, "loudest heads to list")
	f.IntVar(&o.Steps, "spikes", 5, "spikes and jumps to list")
	f.StringVar(&o.Out, "out", "", "HTML `FILE` with the pictures (default explain.html in the run folder)")
	addJSONFlag(cmd, &asJSON)
	return cmd
}
