package main

import (
	"github.com/spf13/cobra"

	"muonclip/synth/evolve"
)

func newSynthEvolveCommand(g *globals) *cobra.Command {
	var endpoint endpointFlags
	var c evolve.Config
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "evolve",
		Short: "Let a model write new domains",
		Long: `Let a model behind an OpenAI-compatible endpoint propose trades that are not there yet and write their domain
files. A file enters only when it parses, its worlds keep their invariants, its tools pass their self-tests, it
is no copy of what is there, and the scripted expert has proved dialogues on it; what fails goes back to the
model with the problems. Accepted files and report.json are in the folder --out; domains that are there already
count as existing.

` + exitCodeHelp,
		Example: `  muonclip synth evolve --url https://api.example.com/v1 --model writer-1 --n 5 --out domains`,
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := endpoint.client()
			if err != nil {
				return err
			}
			defer endpoint.report(g)
			c.Teacher = client
			r, err := evolve.Run(cmd.Context(), c)
			if err != nil {
				return err
			}
			if asJSON {
				return g.writeJSON(r)
			}
			return r.Print(g.stdout)
		},
	}
	f := cmd.Flags()
	f.IntVar(&c.N, "n", 5, "domains wanted")
	f.StringVar(&c.Dir, "out", "", "`FOLDER` for the accepted files; made if missing")
	f.IntVar(&c.Candidates, "candidates", 0, "files begun at most; 0 means three times --n")
	f.IntVar(&c.Repairs, "repairs", 3, "times that a file goes back to the model with its problems; negative means none")
	f.IntVar(&c.Bar.Proved, "proved", 0, "dialogues that must be proved on each domain (default 20)")
	f.Float64Var(&c.Temperature, "temperature", 0, "temperature of the model (default 0.8)")
	endpoint.addFlags(cmd)
	addJSONFlag(cmd, &asJSON)
	required(cmd, "out", "url", "model")
	return cmd
}
