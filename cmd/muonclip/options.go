package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"muonclip/configs"
	"muonclip/internal/config"
)

// configOptions are the flags of every command that reads a configuration.
type configOptions struct {
	preset        string
	defaultPreset string // used when neither --preset nor --config is given
	file          string
	set           []string
	data          []string
}

func (o *configOptions) addFlags(cmd *cobra.Command) {
	presets := "`NAME` of the preset to start from: " + strings.Join(configs.Names(), ", ")
	if o.defaultPreset != "" {
		presets += fmt.Sprintf(" (default %s, unless --config is given)", o.defaultPreset)
	}
	f := cmd.Flags()
	f.StringVar(&o.preset, "preset", "", presets)
	f.StringArrayVar(&o.set, "set", nil, "`KEY=VALUE` to set, such as train.lr=1e-3; may be repeated")
	f.StringArrayVar(&o.data, "data", nil, "`PATH` of text to train on instead of data.sources; may be repeated")
	f.StringVar(&o.file, "config", "", "YAML `FILE` with the keys to change; it may start with a line such as extends: tiny")
}

// load resolves the configuration. Its error has exit code 2.
func (o *configOptions) load() (config.Config, config.Origins, error) {
	cfg, origins, err := config.Load(config.Options{
		Preset: o.preset, DefaultPreset: o.defaultPreset, File: o.file, Set: o.set, Data: o.data,
	})
	if err != nil {
		return config.Config{}, nil, usageError{err}
	}
	return cfg, origins, nil
}

// addOutFlag adds --out, the run folder, for commands that write one.
func addOutFlag(cmd *cobra.Command, out *string) {
	cmd.Flags().StringVar(out, "out", "", "run `FOLDER` (default runs/PRESET); made if missing, resumed if it holds a run")
}

// addJSONFlag adds --json, for commands whose result a program may read.
func addJSONFlag(cmd *cobra.Command, json *bool) {
	cmd.Flags().BoolVar(json, "json", false, "print JSON instead of a table")
}
