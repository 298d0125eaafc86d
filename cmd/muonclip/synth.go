package main

import (
	"github.com/spf13/cobra"
)

func newSynthCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "synth",
		Short: "Generate verified tool-use dialogues",
		Long: `Commands on data sets of tool-use dialogues. The tools are programs over worlds with state, evolved from
more than a hundred domains; tasks are sampled with their proof, and a dialogue is kept only when its
final state, its facts and its replay are right. docs/formats/dialogues.md describes the files.

` + exitCodeHelp,
	}
	group(cmd)
	cmd.AddCommand(
		newSynthGenerateCommand(g),
		newSynthToolsCommand(g),
		newSynthInspectCommand(g),
		newSynthReplayCommand(g),
		newSynthExportCommand(g),
		newSynthStatsCommand(g),
		newSynthJudgeCommand(g),
		newSynthEvolveCommand(g),
	)
	return cmd
}
