package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"muonclip/internal/config"
)

func newConfigCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show and explain configurations",
	}
	group(cmd)
	cmd.AddCommand(newConfigShowCommand(g))
	return cmd
}

func newConfigShowCommand(g *globals) *cobra.Command {
	opts := configOptions{defaultPreset: "tiny"}
	var asJSON, explain bool
	cmd := &cobra.Command{
		Use:   "show [--explain [KEY]]",
		Short: "Print the configuration that a run would use",
		Long: `Print every key with the value that a run would use, as YAML that --config reads again. A comment
beside a value says where it was set; values without one are defaults.

The values come from, the later the stronger: defaults, the preset, the file of --config,
environment variables (train.lr is MUONCLIP_TRAIN_LR), and --set. A file may begin with
extends: NAME, where NAME is a preset or another file, relative to it.

With --explain, print instead what each key means, its default, and whether it may change when a
run is resumed. A KEY or the name of a section shows only that part.

` + exitCodeHelp,
		Example: `  muonclip config show --preset mini
  muonclip config show --preset tiny --set train.lr=1e-3 > my.yaml
  muonclip config show --explain train.spike`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			if explain {
				return explainKeys(g, args)
			}
			if len(args) > 0 {
				return usageError{fmt.Errorf("config show takes the key %q only with --explain", args[0])}
			}
			cfg, origins, err := opts.load()
			if err != nil {
				return err
			}
			if asJSON {
				return g.writeJSON(cfg)
			}
			_, err = g.stdout.Write(cfg.MarshalWithOrigins(origins))
			return err
		},
	}
	opts.addFlags(cmd)
	addJSONFlag(cmd, &asJSON)
	cmd.Flags().Lookup("json").Usage = "print JSON instead of YAML"
	cmd.Flags().BoolVar(&explain, "explain", false, "print what the keys mean")
	return cmd
}

func explainKeys(g *globals, args []string) error {
	prefix := ""
	if len(args) > 0 {
		prefix = args[0]
	}
	if err := config.Explain(g.stdout, prefix); err != nil {
		return usageError{err}
	}
	return nil
}
