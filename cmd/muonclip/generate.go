package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"muonclip/internal/stage"
)

func newGenerateCommand(g *globals) *cobra.Command {
	var from modelOptions
	var o stage.GenerateOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "generate [PROMPT]...",
		Short: "Continue prompts with a trained model",
		Long: `Continue each prompt, which is text that a document begins with; without a prompt the model starts a
document of its own. The model is the newest checkpoint of a run, one checkpoint, or a folder in
Hugging Face layout; without a flag that names one it is the run of the preset tiny. Text appears as
it is generated where there is one completion to show. The same seed gives the same text, whatever
the number of threads or prompts beside it; on a GPU the prompts beside it may round it differently.

` + exitCodeHelp,
		Example: `  muonclip generate "func (r *Reader) Read("
  muonclip generate --out runs/books --samples 4 --temperature 0.7 --top-p 0.9 --seed 7 "// Package"
  muonclip generate --model hf-folder --temperature 0 --max-tokens 64 --json "Once upon a time"`,
		Args: usage(cobra.ArbitraryArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if o.Model, err = from.folder(); err != nil {
				return err
			}
			o.Prompts = args
			o.Given, o.Log = cmd.Flags().Changed, g.logger()
			if !asJSON {
				o.Stream = g.stdout
			}
			done, err := stage.Generate(cmd.Context(), o)
			if err != nil {
				return err
			}
			if asJSON {
				return g.writeJSON(done)
			}
			if len(done) == 1 {
				_, err = fmt.Fprintln(g.stdout)
				return err
			}
			for _, c := range done {
				if _, err := fmt.Fprintf(g.stdout, "--- prompt %d, sample %d, %s\n%s%s\n", c.Prompt, c.Sample, c.Finish, c.PromptText, c.Text); err != nil {
					return err
				}
			}
			return nil
		},
	}
	from.addFlags(cmd)
	f := cmd.Flags()
	f.IntVar(&o.Samples, "samples", 1, "completions of each prompt")
	f.IntVar(&o.Threads, "threads", 0, "threads; 0 means all processors")
	addPlaceFlag(cmd, &o.Device)
	f.StringVar(&o.Weights, "weights", "float32", "how weights are stored: float32, bf16 or int8; fewer bits are faster and change the text")
	s := &o.Settings
	f.IntVar(&s.MaxTokens, "max-tokens", 0, "most tokens of a completion; without it the run's generate.max_tokens")
	f.Float64Var(&s.Temperature, "temperature", 0, "divides the logits, 0 picks the likeliest token; without it the run's")
	f.IntVar(&s.TopK, "top-k", 0, "draw from this many likeliest tokens; 0 means all; without it the run's")
	f.Float64Var(&s.TopP, "top-p", 0, "draw from the likeliest tokens with this much probability; 0 means all; without it the run's")
	f.Float64Var(&s.MinP, "min-p", 0, "drop tokens below this share of the likeliest one's probability; without it the run's")
	f.Float64Var(&s.RepetitionPenalty, "repetition-penalty", 0, "divides positive logits of tokens seen before; without it the run's")
	f.StringArrayVar(&s.Stop, "stop", nil, "text that ends a completion; may be repeated")
	f.Uint64Var(&s.Seed, "seed", 0, "seed of the random draws; without it the run's")
	addJSONFlag(cmd, &asJSON)
	return cmd
}
