package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"muonclip/synth/judge"
	"muonclip/synth/teacher"
)

// endpointFlags choose one model behind an endpoint that does a job beside the dialogues.
type endpointFlags struct {
	config teacher.Config
	keyEnv string
	budget float64
	dir    string
	ledger *teacher.Ledger
}

func (e *endpointFlags) addFlags(cmd *cobra.Command) {
	c := &e.config
	f := cmd.Flags()
	f.StringVar(&c.BaseURL, "url", "", "`URL` of an OpenAI-compatible endpoint, such as https://api.example.com/v1")
	f.StringVar(&c.Model, "model", "", "`NAME` of the model at the endpoint")
	f.StringVar(&e.keyEnv, "api-key-env", "OPENAI_API_KEY", "`NAME` of the environment variable with the API key")
	f.Float64Var(&c.PriceIn, "price-in", 0, "price of a million tokens of prompt")
	f.Float64Var(&c.PriceOut, "price-out", 0, "price of a million tokens of answer")
	f.Float64Var(&e.budget, "budget", 0, "most that may be spent, in the currency of the prices; 0 means no limit")
	f.Float64Var(&c.RequestsPerMinute, "rpm", 0, "requests a minute; 0 means no limit")
	f.Float64Var(&c.TokensPerMinute, "tpm", 0, "tokens a minute; 0 means no limit")
	f.IntVar(&c.Concurrency, "concurrency", teacher.DefaultConcurrency, "calls at the same time")
	f.StringVar(&e.dir, "teacher-dir", "", "`FOLDER` of answers, which are then not paid for twice, and of the ledger (default none)")
}

// client makes the client. Its ledger is closed by report.
func (e *endpointFlags) client() (*teacher.Client, error) {
	c := e.config
	c.APIKey = os.Getenv(e.keyEnv)
	if e.budget > 0 && e.dir == "" {
		return nil, usageError{errors.New("--budget needs --teacher-dir, where the ledger remembers what was spent")}
	}
	if e.dir != "" {
		if err := os.MkdirAll(e.dir, 0o755); err != nil {
			return nil, fmt.Errorf("--teacher-dir: %w", err)
		}
		var err error
		if e.ledger, err = teacher.OpenLedger(filepath.Join(e.dir, "ledger.jsonl"), e.budget); err != nil {
			return nil, err
		}
		c.Cache, c.Ledger = teacher.NewCache(filepath.Join(e.dir, "cache")), e.ledger
	}
	client, err := teacher.New(c)
	if err != nil {
		return nil, usageError{err}
	}
	return client, nil
}

// report says what was spent and closes the ledger.
func (e *endpointFlags) report(g *globals) {
	if e.ledger == nil {
		return
	}
	for _, t := range e.ledger.Totals() {
		g.logger().Info("spent", "on", t.Purpose, "calls", t.Calls, "from_cache", t.Cached, "lost", t.Lost,
			"prompt_tokens", t.PromptTokens, "completion_tokens", t.CompletionTokens, "cost", fmt.Sprintf("%.4f", t.Cost))
	}
	if err := e.ledger.Close(); err != nil {
		g.logger().Warn("the ledger could not be closed", "error", err)
	}
}

func newSynthJudgeCommand(g *globals) *cobra.Command {
	var endpoint endpointFlags
	var o judge.Options
	var m judge.Model
	var offline, asJSON bool
	cmd := &cobra.Command{
		Use:   "judge FOLDER",
		Short: "Let a model judge the dialogues, and measure how well it does",
		Long: `Let a model behind an OpenAI-compatible endpoint judge the dialogues of a data set: pass or fail, and whether
the user, a tool or the agent is at fault. With --offline the proofs judge in its place. --planted measures the
judge: so many defects of each kind are planted into the dialogues, with a known culprit, and the table says what
it catches, what it blames without reason and whom it confuses with whom, with 95 % intervals. An answer that
cannot be understood counts as unknown, never as a pass. The data set stays as it is.

` + exitCodeHelp,
		Example: `  muonclip synth judge dialogues --offline --planted 50
  muonclip synth judge dialogues --url https://api.example.com/v1 --model judge-1 --votes 3 --n 500 --planted 20 --json`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			var j judge.Judge = &judge.Offline{}
			switch {
			case offline == (endpoint.config.BaseURL != ""):
				return usageError{errors.New("give either --url and --model, or --offline")}
			case !offline:
				client, err := endpoint.client()
				if err != nil {
					return err
				}
				defer endpoint.report(g)
				m.Teacher, m.Label = client, endpoint.config.Model
				j, o.Workers = m, endpoint.config.Concurrency
			}
			o.Dir = args[0]
			r, err := judge.Run(cmd.Context(), j, o)
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
	f.BoolVar(&offline, "offline", false, "judge by the proofs, without a model")
	f.IntVar(&o.Limit, "n", 0, "dialogues to judge, from the first; 0 means all")
	f.IntVar(&o.Planted, "planted", 0, "defects of each kind to plant for the measured error; 0 measures nothing")
	f.IntVar(&m.Samples, "votes", 1, "votes of the model on each dialogue, of which the majority counts")
	endpoint.addFlags(cmd)
	addJSONFlag(cmd, &asJSON)
	return cmd
}
