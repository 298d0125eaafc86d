package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"muonclip/internal/lab"
	"muonclip/internal/progress"
)

func newLabCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "Optimizer experiments with seeds, intervals and verdicts; comparing and explaining runs",
		Long: `The optimizer lab: experiments that test published claims about Muon, QK-Clip and their like at the scale of a CPU
evening. An experiment is a file that says what varies, with which seeds, and by which rule, written down before the run,
the claim counts as reproduced. Its runs are ordinary run folders in runs/lab/NAME.

` + exitCodeHelp,
	}
	group(cmd)
	cmd.AddCommand(newLabListCommand(g), newLabRunCommand(g), newLabReportCommand(g), newLabCompareCommand(g), newLabExplainCommand(g))
	return cmd
}

func addLabDirFlag(cmd *cobra.Command, o *lab.Options) {
	cmd.Flags().StringVar(&o.Dir, "dir", "", "`FOLDER` of all experiments (default runs/lab)")
}

func newLabListCommand(g *globals) *cobra.Command {
	var o lab.Options
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [NAME|FILE]...",
		Short: "List the experiments, or say what some of them are",
		Long: `List the experiments with their size and how far they have come. With names, or files that end in .yaml, print what
each is: claim, arms with their settings, accept rules, objections, and its variant at a size for an accelerator.

` + exitCodeHelp,
		Example: `  muonclip lab list
  muonclip lab list kimi-fig2`,
		RunE: func(_ *cobra.Command, args []string) error {
			names := args
			if len(names) == 0 {
				names = lab.Names()
			}
			var list []lab.Summary
			for _, name := range names {
				e, err := lab.Load(name)
				if err != nil {
					return err
				}
				if len(args) > 0 && !asJSON {
					if err := e.Describe(g.stdout); err != nil {
						return err
					}
					continue
				}
				s, err := lab.Summarize(e, o)
				if err != nil {
					return err
				}
				list = append(list, s)
			}
			switch {
			case asJSON:
				return g.writeJSON(list)
			case len(args) > 0:
				return nil
			}
			return lab.PrintList(g.stdout, list)
		},
	}
	addLabDirFlag(cmd, &o)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func newLabRunCommand(g *globals) *cobra.Command {
	var o lab.Options
	cmd := &cobra.Command{
		Use:   "run NAME|FILE",
		Short: "Do the runs of an experiment that are not done yet, and write its report",
		Long: `Train every arm of an experiment with every seed, side by side on all processors, and write report.html and table.md.
Runs that are done are skipped and one that was interrupted goes on from its newest checkpoint, so the same command
finishes an experiment whatever ended it. Tokenizer and shards are made once and shared. A run whose numbers stop being
finite is a result, not a failure.

` + exitCodeHelp,
		Example: `  muonclip lab run kimi-fig2
  muonclip lab run muon-vs-adamw --only muon-s1 --seeds 1
  muonclip lab run my-question.yaml --jobs 4`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Seeds < 0 || o.Jobs < 0 {
				return usageError{fmt.Errorf("--seeds is %d and --jobs is %d, want 0 or more", o.Seeds, o.Jobs)}
			}
			e, err := lab.Load(args[0])
			if err != nil {
				return err
			}
			o.Progress = progress.New(progress.Options{Out: g.stderr})
			o.Log, o.Command = g.loggerTo(o.Progress.Writer()), strings.Join(os.Args, " ")
			if err := lab.Run(cmd.Context(), e, o); err != nil {
				return err
			}
			o.Only, o.Seeds = nil, 0
			return g.labReport(e, o, "")
		},
	}
	addLabDirFlag(cmd, &o)
	f := cmd.Flags()
	f.StringArrayVar(&o.Only, "only", nil, "`ARM` to run, with what it goes on from; may be repeated")
	f.IntVar(&o.Jobs, "jobs", 0, "runs side by side; 0 means one for each processor, which share the threads")
	f.IntVar(&o.Seeds, "seeds", 0, "run only the first seeds; 0 means all")
	return cmd
}

func newLabReportCommand(g *globals) *cobra.Command {
	var o lab.Options
	var svg string
	cmd := &cobra.Command{
		Use:   "report [NAME|FILE]...",
		Short: "Judge experiments by their runs and write their reports",
		Long: `Read the runs of experiments, all that have any where none is named, hold them against the accept rules, and write
report.html, one file that needs nothing else, and table.md beside the runs. The tables are printed too. --svg also draws
what the first rule is about as a picture for documents.

` + exitCodeHelp,
		Example: `  muonclip lab report
  muonclip lab report kimi-fig2 --svg kimi-fig2.svg > section.md`,
		RunE: func(_ *cobra.Command, args []string) error {
			if svg != "" && len(args) != 1 {
				return usageError{fmt.Errorf("--svg is one picture, %d experiments are named: name one", len(args))}
			}
			names := args
			if len(names) == 0 {
				for _, name := range lab.Names() {
					if _, err := os.Stat(o.Folder(&lab.Experiment{Name: name})); err == nil {
						names = append(names, name)
					}
				}
			}
			if len(names) == 0 {
				return errors.New("no experiment has runs yet; start one with \"muonclip lab run NAME\"")
			}
			for _, name := range names {
				e, err := lab.Load(name)
				if err != nil {
					return err
				}
				if err := g.labReport(e, o, svg); err != nil {
					return err
				}
			}
			return nil
		},
	}
	addLabDirFlag(cmd, &o)
	cmd.Flags().StringVar(&svg, "svg", "", "`FILE` for a picture of the one experiment that is named")
	return cmd
}

// labReport writes the report of an experiment, and its picture where svg names a file, and prints its tables.
func (g *globals) labReport(e *lab.Experiment, o lab.Options, svg string) error {
	out, err := lab.Collect(e, o)
	if err != nil {
		return err
	}
	html, _, err := lab.WriteReport(out)
	if err == nil && svg != "" {
		err = lab.WritePicture(out, svg)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(g.stdout, "%s\nreport %s\n", out.Markdown(), html)
	return err
}
