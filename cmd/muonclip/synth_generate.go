package main

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/spf13/cobra"

	"muonclip/data/chat"
	"muonclip/data/token"
	"muonclip/internal/progress"
	"muonclip/internal/stage"
	"muonclip/synth"
	"muonclip/synth/mcp/live"
)

// sourceFlags choose what dialogues are made of.
type sourceFlags struct{ synth.SourceConfig }

func (s *sourceFlags) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Uint64Var(&s.ToolSeed, "tool-seed", 0, "seed of the tools: their choice, names and wording")
	f.StringSliceVar(&s.Folders, "domains-dir", nil, "`FOLDER` with domain files of your own, such as `muonclip synth evolve` writes; may be repeated")
	f.StringSliceVar(&s.Domains, "domain", nil, "`NAME` of a domain to use instead of all; may be repeated; `muonclip synth tools` lists them")
}

func newSynthGenerateCommand(g *globals) *cobra.Command {
	var source sourceFlags
	var teachers teacherFlags
	var servers mcpFlags
	var o synth.Options
	var tokenizer, format, agentRun string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Write a data set of verified dialogues",
		Long: `Generate dialogues offline, prove each and write a data set folder: Parquet and JSON Lines with OpenAI
messages and tools, token ids with loss masks when a tokenizer is given, a card with statistics and plots,
manifest.json, and index.html to read dialogues in a browser. The same options give the same bytes,
whatever the number of workers. A run that was stopped goes on when it is started again with the same
options; a finished data set is left as it is.

With --agent-url a model behind an OpenAI-compatible endpoint is the assistant, with --user-url or
--user-model a model is the user; tasks, worlds and proofs stay the same. Every answer is kept on disk,
so a run that was stopped pays for nothing twice. --budget is hard: a call that could exceed it is not
made. API keys are read from the environment and written nowhere. --judge-model lets a model refuse what
the proofs accept.

With --agent-run a model of our own is the assistant, in this process; what the proofs refuse is counted, so the
data set is what the model did right.

With --server or --mcp-config the tools are those of live MCP servers, and every call is executed by them in a
scratch folder; a dialogue is kept only where a fresh folder gives the same results and the same final state.

` + exitCodeHelp,
		Example: `  muonclip synth generate --n 10000 --seed 7 --out dialogues
  muonclip synth generate --n 2000 --out dialogues --tokenizer runs/mini/data/tokenizer
  muonclip synth generate --n 500 --domain hotel_reservations --decontaminate gsm8k/test.jsonl --out hotel
  muonclip synth generate --n 200 --mcp-config servers.json --out live
  muonclip synth generate --n 500 --agent-url https://api.example.com/v1 --agent-model NAME --price-in 0.6 --price-out 2.5 --budget 5 --out taught`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if tokenizer != "" {
				tok, err := token.Load(tokenizer)
				if err != nil {
					return usageError{err}
				}
				o.Tokenizer = tok
				if o.ChatFormat, err = chat.ByName(format); err != nil {
					return usageError{err}
				}
			}
			source.Seed = o.Seed
			cast, err := teachers.cast(&source.SourceConfig, &o)
			if err != nil {
				return err
			}
			defer g.reportCast(cast)
			if agentRun != "" {
				if cast != nil && cast.Agent != nil {
					return usageError{errors.New("give one of --agent-run and --agent-url")}
				}
				a, err := stage.OpenActor(agentRun, teachers.config.Agent.Sampling.Temperature, g.logger())
				if err != nil {
					return err
				}
				source.Agent, o.GiveUp = a.Agent, synth.ModelGiveUp
				source.Actors = maps.Clone(source.Actors)
				if source.Actors == nil {
					source.Actors = map[string]string{}
				}
				maps.Copy(source.Actors, a.Describe())
			}
			start := time.Now()
			o.Progress = progress.New(progress.Options{Out: g.stderr})
			var from synth.Sampler
			if list, err := servers.servers(); err != nil {
				return err
			} else if len(list) > 0 {
				s, err := live.New(cmd.Context(), live.Config{Servers: list, Seed: o.Seed, Sessions: max(2, o.Workers)})
				if err != nil {
					return err
				}
				defer func() { _ = s.Close() }() // the servers are ending; the data set is written
				from = s
			} else {
				s, err := synth.NewSource(cmd.Context(), source.SourceConfig)
				if err != nil {
					return err
				}
				from = teachers.judged(s, cast)
			}
			res, err := synth.Generate(cmd.Context(), from, o)
			if err != nil {
				return err
			}
			if asJSON {
				return g.writeJSON(res.Manifest)
			}
			if res.Finished {
				_, err = fmt.Fprintf(g.stdout, "%s: %d dialogues, finished before\n", o.Dir, res.Manifest.Rows)
				return err
			}
			_, err = fmt.Fprintf(g.stdout, "%s: %d dialogues of %d candidates in %.1f s\n", o.Dir, res.Manifest.Rows, res.Manifest.Candidates, time.Since(start).Seconds())
			return err
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.N, "n", 1000, "dialogues to write")
	f.BoolVar(&source.Compact, "compact", false, "short tasks for models with little context: one request, at most three tools, about 1,100 characters")
	f.StringVar((*string)(&source.Split), "split", "", "`PART` of the domains: train or held-out (about 15 %, by a hash of the name); empty for all")
	f.Uint64Var(&o.Seed, "seed", 0, "seed of everything that is drawn")
	f.StringVar(&o.Dir, "out", "", "`FOLDER` of the data set; made if missing, resumed if it holds an unfinished run")
	f.StringVar(&o.Name, "name", "", "title of the card (default the name of the folder)")
	f.StringVar(&o.License, "license", "", "license of the data for the card (default apache-2.0)")
	f.StringSliceVar(&o.Formats, "formats", nil, "outputs beside JSON Lines: parquet, arrow (default parquet, and arrow with --tokenizer)")
	f.StringVar(&tokenizer, "tokenizer", "", "`PATH` of a tokenizer, for token ids with loss masks")
	f.StringVar(&format, "chat-format", "kimi-k2", "chat format of the token ids: kimi-k2 or hermes")
	f.StringArrayVar(&o.Benchmarks, "decontaminate", nil, "benchmark `FILE` (BFCL, tau2, ACEBench, HumanEval, GSM8K) that no dialogue may overlap with; may be repeated")
	f.Float64Var(&o.NearDuplicate, "near-duplicate", synth.DefaultNearDuplicate, "similarity from which on a dialogue is refused; negative turns it off")
	f.IntVar(&o.PartRows, "part-rows", synth.DefaultPartRows, "dialogues in a file, and the most that a killed run loses")
	f.IntVar(&o.Workers, "workers", 0, "workers; 0 means one for each processor")
	f.StringVar(&agentRun, "agent-run", "", "run, checkpoint or model `FOLDER` whose model is the assistant, in this process")
	source.addFlags(cmd)
	servers.addFlags(cmd)
	teachers.addFlags(cmd)
	addJSONFlag(cmd, &asJSON)
	required(cmd, "out")
	return cmd
}
