package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"muonclip/internal/config"
	"muonclip/internal/stage"
)

// execute runs one command line and returns the exit code. Results go to stdout, everything else
// to stderr.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRootCommand(&globals{stdout: stdout, stderr: stderr})
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	code := exitCode(ctx, err)
	switch {
	case code == exitInterrupted && !errors.Is(err, stage.ErrInterrupted):
		fmt.Fprintln(stderr, "muonclip: interrupted")
	case err != nil:
		fmt.Fprintf(stderr, "muonclip: %v\n", err)
	}
	return code
}

// orInterrupted does work that knows nothing of interruption and that may be dropped at any moment:
// when ctx ends, so does the command.
func orInterrupted(ctx context.Context, work func() error) error {
	done := make(chan error, 1)
	go func() { done <- work() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// newRootCommand puts the commands together. Each lives in a file of its own and is made by a
// function newXCommand(g), which declares flags, help and examples and calls one function of an
// internal package.
func newRootCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "muonclip",
		Short: "Train Kimi-K2-style language models with MuonClip",
		Long: `muonclip trains language models of the Kimi K2 family (latent attention, sparse mixture of
experts) with the MuonClip optimizer, from raw text to a model in Hugging Face format.

A configuration starts from a preset. It can be changed by a YAML file, by environment variables
such as MUONCLIP_TRAIN_LR and by --set train.lr=1e-3; the later of these wins.

` + exitCodeHelp,
		Example: `  muonclip run
  muonclip run --data ~/books --out runs/books
  muonclip plan --preset kimi-k2
  muonclip config show --preset tiny --set train.lr=1e-3`,
		Version:       stage.Version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	group(cmd)
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see `%s --help`", err, c.CommandPath())}
	})
	g.addFlags(cmd)
	cmd.AddCommand(
		newRunCommand(g),
		newSFTCommand(g),
		newRLCommand(g),
		newTokenizerCommand(g),
		newDataCommand(g),
		newPretrainCommand(g),
		newGenerateCommand(g),
		newEvalCommand(g),
		newSynthCommand(g),
		newExportCommand(g),
		newImportCommand(g),
		newConfigCommand(g),
		newPlanCommand(g),
		newVerifyCommand(g),
		newTraceCommand(g),
		newBenchCommand(g),
		newLabCommand(g),
	)
	return cmd
}

// group makes cmd a command that only holds others: alone it prints its help, and a word that is
// none of its commands is an error that names the nearest one.
func group(cmd *cobra.Command) {
	cmd.SuggestionsMinimumDistance = 2
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		err := fmt.Errorf("unknown command %q", cmd.CommandPath()+" "+args[0])
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			err = fmt.Errorf("%w, did you mean %q?", err, config.NearestWord(args[0], near))
		}
		return usageError{fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath())}
	}
}

// usage makes a wrong number of arguments an error of exit code 2.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath())}
		}
		return nil
	}
}
