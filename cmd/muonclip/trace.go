package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"muonclip/internal/trace"
)

func newTraceCommand(g *globals) *cobra.Command {
	var o trace.Options
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "trace",
		Short: "Write logits, gradients and MuonClip steps down, to compare with another program",
		Long: `Run a few optimizer steps of a model in Hugging Face layout on fixed tokens and write everything
to one safetensors file, float32:

  logits [B,T,V], max_logit [L,H], expert_load [L,E], grad.<name>   of the first step
  loss [steps], param.<name>                                        after all steps

MuonClip has the constants of the K2 report and Moonlight: Muon with momentum 0.95 and Nesterov,
AdamW (0.9, 0.95, 1e-8) for embeddings, head and vectors, weight decay 0.1 on everything, then
QK-Clip. The learning rate is constant; there is no gradient clipping, balancing or auxiliary loss.

` + exitCodeHelp,
		Example: `  muonclip trace --model hf-folder --tokens tokens.json --steps 3 --lr 2e-3 --tau 100 --out trace.safetensors`,
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var res *trace.Result
			err := orInterrupted(cmd.Context(), func() (err error) {
				res, err = trace.Run(o)
				return err
			})
			if err != nil {
				return err
			}
			if asJSON {
				return g.writeJSON(res)
			}
			for i, loss := range res.Loss {
				fmt.Fprintf(g.stdout, "step %d  loss %.6f\n", i+1, loss)
			}
			_, err = fmt.Fprintf(g.stdout, "%d heads clipped, trace in %s\n", res.HeadsClipped, o.Out)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Model, "model", "", "model `FOLDER` in Hugging Face layout")
	f.StringVar(&o.Tokens, "tokens", "", "JSON `FILE` with rows of T+1 token ids; every step sees all of them")
	f.IntVar(&o.Steps, "steps", 3, "optimizer steps")
	f.Float64Var(&o.LR, "lr", 2e-3, "learning rate")
	f.Float64Var(&o.Tau, "tau", 100, "threshold of QK-Clip")
	f.StringVar(&o.Out, "out", "trace.safetensors", "`FILE` to write")
	f.IntVar(&o.Threads, "threads", 0, "threads; 0 means all processors")
	addJSONFlag(cmd, &asJSON)
	required(cmd, "model", "tokens")
	return cmd
}
