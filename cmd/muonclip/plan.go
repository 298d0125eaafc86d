package main

import (
	"github.com/spf13/cobra"

	"muonclip/internal/plan"
)

func newPlanCommand(g *globals) *cobra.Command {
	opts := configOptions{defaultPreset: "tiny"}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Compute parameters, memory, time and cost of a run before it is started",
		Long: `Compute what a run needs: parameters by part, floating-point operations per token, memory of one
device for weights, gradients, optimizer and activations, and the wall time and device hours on the
cluster that the cluster.* keys describe. Nothing is trained or written.

Warnings say when a device's memory, or this machine's for training on the CPU, is too small. They
do not change the exit code. The formulas are in docs/plan.md.

` + exitCodeHelp,
		Example: `  muonclip plan --preset kimi-k2
  muonclip plan --preset small-moe --set train.micro_batch_size=8
  muonclip plan --preset moonlight-16b-a3b --set cluster.devices=64 --set cluster.dp=64 --json`,
		Args: usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			cfg, _, err := opts.load()
			if err != nil {
				return err
			}
			p := plan.Make(cfg, plan.ThisMachine())
			if asJSON {
				return g.writeJSON(p)
			}
			return p.Print(g.stdout)
		},
	}
	opts.addFlags(cmd)
	addJSONFlag(cmd, &asJSON)
	return cmd
}
