package main

import (
	"errors"

	"github.com/spf13/cobra"

	"muonclip/internal/verify"
)

func newVerifyCommand(g *globals) *cobra.Command {
	opts := configOptions{defaultPreset: "tiny"}
	var o verify.Options
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Let independent referees check this model's mathematics",
		Long: `Shrink the configured model, keeping its structure, and compare it in float64 with referees that share
no code with it: a plain loop-only forward pass, central finite differences of that pass, the whole
model rebuilt from Gorgonia's own operations, the promises of QK-Clip, and generation from the
cache against the training forward pass. It prints a table, and fails if any check does.

` + exitCodeHelp,
		Example: `  muonclip verify --preset kimi-k2
  muonclip verify --config my.yaml --seed 7 --json`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := opts.load()
			if err != nil {
				return err
			}
			checks, err := verify.All(cmd.Context(), cfg.Model, o)
			if err != nil {
				return err
			}
			if asJSON {
				err = g.writeJSON(checks)
			} else {
				err = verify.Table(g.stdout, checks)
			}
			if err == nil && !verify.AllOK(checks) {
				err = errors.New("a check failed")
			}
			return err
		},
	}
	opts.addFlags(cmd)
	cmd.Flags().Uint64Var(&o.Seed, "seed", 1, "seed of the random weights and tokens")
	addJSONFlag(cmd, &asJSON)
	return cmd
}
