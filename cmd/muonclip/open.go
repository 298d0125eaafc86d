package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"muonclip/internal/config"
	"muonclip/internal/progress"
	"muonclip/internal/stage"
)

// open opens the run folder of a command: out, or runs/PRESET. Where the folder holds a run and no
// flag says what to configure, the run's own configuration holds. adapt, if not nil, may change
// the configuration before the folder is opened.
func (o *configOptions) open(g *globals, out string, adapt func(*config.Config)) (*stage.Run, error) {
	cfg, err := o.forRun(out)
	if err != nil {
		return nil, err
	}
	if adapt != nil {
		adapt(&cfg)
		if err := cfg.Validate(); err != nil {
			return nil, usageError{err}
		}
	}
	if out == "" {
		name := cfg.Preset
		if name == "" {
			name = strings.TrimSuffix(filepath.Base(o.file), filepath.Ext(o.file))
		}
		out = filepath.Join("runs", name)
	}
	display := progress.New(progress.Options{Out: g.stderr})
	return stage.Open(stage.Run{
		Dir: out, Config: cfg, Log: g.loggerTo(display.Writer()), Progress: display, Command: strings.Join(os.Args, " "),
	})
}

func (o *configOptions) forRun(out string) (config.Config, error) {
	if out != "" && o.preset == "" && o.file == "" {
		path := filepath.Join(out, "config.yaml")
		if _, err := os.Stat(path); err == nil {
			if len(o.set) == 0 && len(o.data) == 0 {
				cfg, err := config.Read(path)
				if err != nil {
					return cfg, usageError{err}
				}
				return cfg, nil
			}
			again := *o
			again.file = path
			cfg, _, err := again.load()
			return cfg, err
		}
	}
	cfg, _, err := o.load()
	return cfg, err
}

// required makes flags mandatory: to leave one out is wrong usage.
func required(cmd *cobra.Command, names ...string) {
	check := cmd.Args
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := cmd.ValidateRequiredFlags(); err != nil {
			return usageError{fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath())}
		}
		return check(cmd, args)
	}
	for _, name := range names {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // a flag that the command does not have
		}
	}
}
