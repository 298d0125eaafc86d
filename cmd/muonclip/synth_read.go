package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"muonclip/internal/progress"
	"muonclip/synth"
	"muonclip/synth/dataset"
)

func newSynthInspectCommand(g *globals) *cobra.Command {
	var id string
	var at int
	cmd := &cobra.Command{
		Use:   "inspect FOLDER",
		Short: "Show a dialogue with its state changes, faults and checks",
		Long: `Show one dialogue of a data set as text: messages, calls and results, faults that were injected, what each
call changed in the world, the checks and the rubric.

` + exitCodeHelp,
		Example: `  muonclip synth inspect dialogues --at 12
  muonclip synth inspect dialogues --id 7-4711`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			var row *dataset.Row
			var err error
			if id != "" {
				row, err = synth.Find(args[0], id)
			} else {
				row, err = synth.At(args[0], at)
			}
			if err != nil {
				return err
			}
			return synth.PrintRow(g.stdout, row)
		},
	}
	f := cmd.Flags()
	f.StringVar(&id, "id", "", "`ID`, key or candidate number of the dialogue")
	f.IntVar(&at, "at", 0, "position of the dialogue, counted from 0")
	return cmd
}

func newSynthReplayCommand(g *globals) *cobra.Command {
	var workers int
	var remake, asJSON bool
	var servers mcpFlags
	cmd := &cobra.Command{
		Use:   "replay FOLDER",
		Short: "Prove every dialogue of a data set again",
		Long: `Run the calls of every dialogue on a fresh world and compare all results, the final state and the rubric
with what is stored. --remake also makes each dialogue anew from its key and compares every byte. A
dialogue that is not proved makes the exit code 3. Dialogues with live MCP servers need the same servers.

` + exitCodeHelp,
		Example: `  muonclip synth replay dialogues
  muonclip synth replay dialogues --remake --json`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			source, done, err := servers.sourceOf(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer done()
			var sampler synth.Sampler
			if remake {
				sampler = source
			}
			report, err := synth.Replay(cmd.Context(), args[0], source, sampler, workers, progress.New(progress.Options{Out: g.stderr}))
			if err != nil {
				return err
			}
			if asJSON {
				err = g.writeJSON(report)
			} else {
				err = report.Print(g.stdout)
			}
			if err != nil {
				return err
			}
			if report.Proved < report.Rows {
				return damagedError{fmt.Errorf("%d of %d dialogues are not proved", report.Rows-report.Proved, report.Rows)}
			}
			return nil
		},
	}
	f := cmd.Flags()
	servers.addFlags(cmd)
	f.BoolVar(&remake, "remake", false, "also make each dialogue anew and compare it")
	f.IntVar(&workers, "workers", 0, "workers; 0 means one for each processor")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func newSynthExportCommand(g *globals) *cobra.Command {
	var format, out string
	cmd := &cobra.Command{
		Use:   "export FOLDER",
		Short: "Write the dialogues in another format",
		Long: `Write the dialogues of a data set as JSON Lines in another format:

  openai    messages and tools
  sharegpt  conversations, system and tools, as APIGen-MT and LLaMA-Factory have them
  ms-swift  messages with roles tool_call and tool_response
  kimi-k2   the text that Kimi K2's chat template renders, and the spans that the assistant wrote
  hermes    the same in the Hermes format

Dialogues that hold something a format has no place for are counted and left out.

` + exitCodeHelp,
		Example: `  muonclip synth export dialogues --format sharegpt --out train.jsonl
  muonclip synth export dialogues --format kimi-k2 | head -n 1`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			done, err := synth.Export(cmd.Context(), args[0], format, out, g.stdout)
			if err != nil {
				return err
			}
			g.logger().Info("exported", "format", format, "dialogues", done.Dialogues, "left_out", done.Lost)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", "openai", strings.Join(synth.ExportFormats(), ", "))
	f.StringVar(&out, "out", "", "`FILE` to write (default stdout)")
	return cmd
}

func newSynthStatsCommand(g *globals) *cobra.Command {
	var measure, shareGPT, asJSON bool
	cmd := &cobra.Command{
		Use:   "stats FOLDER|FILE",
		Short: "Figures of a data set: sizes, kinds, variety",
		Long: `Show the statistics of a data set beside the published figures of Toucan and APIGen-MT. --measure reads all
dialogues and counts anew, near-duplicates included. A file of JSON Lines of any origin, in OpenAI's shape or
with --sharegpt in ShareGPT's, is measured by the same figures.

` + exitCodeHelp,
		Example: `  muonclip synth stats dialogues
  muonclip synth stats dialogues --measure --json
  muonclip synth stats others.jsonl --sharegpt`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			var found *synth.Measured
			info, err := os.Stat(args[0])
			switch {
			case err != nil:
				return usageError{err}
			case !info.IsDir():
				var bad int
				if found, bad, err = synth.MeasureFile(cmd.Context(), args[0], shareGPT); bad > 0 {
					g.logger().Warn("lines that could not be read were skipped", "lines", bad)
				}
			case shareGPT:
				err = usageError{errors.New("--sharegpt is for files")}
			case measure:
				found, err = synth.Measure(cmd.Context(), args[0])
			default:
				m, err := dataset.ReadManifest(args[0])
				if err != nil {
					return err
				}
				if asJSON {
					return g.writeJSON(m.Stats)
				}
				return synth.PrintManifest(g.stdout, m)
			}
			if err != nil {
				return err
			}
			if asJSON {
				return g.writeJSON(found)
			}
			return found.Print(g.stdout)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&measure, "measure", false, "read all dialogues and count anew")
	f.BoolVar(&shareGPT, "sharegpt", false, "the file is in ShareGPT's shape")
	addJSONFlag(cmd, &asJSON)
	return cmd
}
