package main

import (
	"github.com/spf13/cobra"

	"muonclip/synth"
)

func newSynthToolsCommand(g *globals) *cobra.Command {
	var source sourceFlags
	var from string
	var near float64
	var list, asJSON bool
	cmd := &cobra.Command{
		Use:   "tools",
		Short: "Describe the tools, or list them",
		Long: `Evolve the tools of the domains and say how many there are of what kind, or read the listings of real MCP
servers with --import. --list writes the tools themselves as JSON Lines; --near-duplicates measures how many
are nearly the same as another.

` + exitCodeHelp,
		Example: `  muonclip synth tools
  muonclip synth tools --near-duplicates 0.7
  muonclip synth tools --domain hotel_reservations --list
  muonclip synth tools --import ~/mcp-tools --json`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var r *synth.Repository
			var err error
			if from != "" {
				r, err = synth.ImportRepository(cmd.Context(), from)
			} else {
				r, err = synth.OpenRepository(cmd.Context(), source.ToolSeed, source.Domains)
			}
			if err != nil {
				return err
			}
			if list {
				return r.WriteTools(g.stdout)
			}
			if near > 0 {
				r.FindNearDuplicates(near)
			}
			if asJSON {
				return g.writeJSON(r)
			}
			return r.Print(g.stdout)
		},
	}
	source.addFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&from, "import", "", "`FOLDER` of tools/list dumps or Toucan files to read instead")
	f.BoolVar(&list, "list", false, "write the tools as JSON Lines")
	f.Float64Var(&near, "near-duplicates", 0, "similarity at which two tools count as near-duplicates; 0 does not look for them")
	addJSONFlag(cmd, &asJSON)
	return cmd
}
