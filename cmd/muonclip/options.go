package main

import (
	"cmp"
	"fmt"
	"path/filepath"
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

// modelOptions are the flags that name a trained model: any folder that holds one, or a run as the
// training commands name it.
type modelOptions struct{ model, out, preset string }

func (o *modelOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.model, "model", "", "run `FOLDER`, checkpoint folder, or model folder in Hugging Face layout")
	f.StringVar(&o.out, "out", "", "run `FOLDER`, as of the training commands")
	f.StringVar(&o.preset, "preset", "", "`NAME` of the preset whose run runs/NAME to use (default tiny)")
}

// folder is the folder that the flags name.
func (o *modelOptions) folder() (string, error) {
	var named []string
	for _, name := range []string{o.model, o.out, o.preset} {
		if name != "" {
			named = append(named, name)
		}
	}
	if len(named) > 1 {
		return "", usageError{fmt.Errorf("%s: give one of --model, --out and --preset", strings.Join(named, ", "))}
	}
	return cmp.Or(o.model, o.out, filepath.Join("runs", cmp.Or(o.preset, "tiny"))), nil
}

// addOutFlag adds --out, the run folder, for commands that write one.
func addOutFlag(cmd *cobra.Command, out *string) {
	cmd.Flags().StringVar(out, "out", "", "run `FOLDER` (default runs/PRESET); made if missing, resumed if it holds a run")
}

// addJSONFlag adds --json, for commands whose result a program may read.
func addJSONFlag(cmd *cobra.Command, json *bool) {
	cmd.Flags().BoolVar(json, "json", false, "print JSON instead of a table")
}

// addPlaceFlag adds --device, for commands that use a model without training it.
func addPlaceFlag(cmd *cobra.Command, device *string) {
	cmd.Flags().StringVar(device, "device", "", "where the model works: cpu, cuda (a GPU), or auto (cuda where there is one); without it the run's train.device")
}
