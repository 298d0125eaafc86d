package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"muonclip/synth"
)

func newSynthToolsCommand(g *globals) *cobra.Command {
	var source sourceFlags
	var live mcpFlags
	var from, dump string
	var near float64
	var list, asJSON bool
	cmd := &cobra.Command{
		Use:   "tools",
		Short: "Describe the tools, or list them",
		Long: `Evolve the tools of the domains and say how many there are of what kind, read the listings of real MCP
servers with --import, or ask live ones with --server and --mcp-config; --dump keeps what they list, in
files that --import reads. A live server sees none of our environment but PATH and has a scratch folder of
its own. --list writes the tools themselves as JSON Lines; --near-duplicates measures how many
are nearly the same as another.

` + exitCodeHelp,
		Example: `  muonclip synth tools
  muonclip synth tools --near-duplicates 0.7
  muonclip synth tools --domain hotel_reservations --list
  muonclip synth tools --import ~/mcp-tools --json
  muonclip synth tools --server 'npx -y @modelcontextprotocol/server-memory' --list
  muonclip synth tools --mcp-config servers.json --dump mcp-tools`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var r *synth.Repository
			servers, err := live.servers()
			if err != nil {
				return err
			}
			if dump != "" && len(servers) == 0 {
				return usageError{errors.New("--dump is for live servers: give --server or --mcp-config")}
			}
			if from != "" && len(servers) > 0 {
				return usageError{errors.New("--import reads files and --server asks live servers: choose one")}
			}
			if len(servers) > 0 {
				if from = dump; from == "" {
					if from, err = os.MkdirTemp("", "muonclip-tools-*"); err != nil {
						return err
					}
					defer os.RemoveAll(from)
				}
				if err := live.dump(cmd.Context(), g, servers, from); err != nil {
					return err
				}
			}
			if from != "" {
				r, err = synth.ImportRepository(cmd.Context(), from)
			} else {
				r, err = synth.OpenRepository(cmd.Context(), source.ToolSeed, source.Domains, source.Folders...)
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
	live.addFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&from, "import", "", "`FOLDER` of tools/list dumps or Toucan files to read instead")
	f.StringVar(&dump, "dump", "", "`FOLDER` for the listings of the live servers")
	f.BoolVar(&list, "list", false, "write the tools as JSON Lines")
	f.Float64Var(&near, "near-duplicates", 0, "similarity at which two tools count as near-duplicates; 0 does not look for them")
	addJSONFlag(cmd, &asJSON)
	return cmd
}
