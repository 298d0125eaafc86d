package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"muonclip/synth"
	"muonclip/synth/judge"
	"muonclip/synth/teacher"
)

// teacherFlags choose models that speak in dialogues instead of the scripted actors.
type teacherFlags struct {
	config          teacher.CastConfig
	keyEnv, userKey string
	votes           int
}

func (t *teacherFlags) addFlags(cmd *cobra.Command) {
	c := &t.config
	f := cmd.Flags()
	f.StringVar(&c.Agent.URL, "agent-url", "", "`URL` of an OpenAI-compatible endpoint, such as https://api.example.com/v1, whose model is the assistant")
	f.StringVar(&c.Agent.Model, "agent-model", "", "`NAME` of the model that is the assistant")
	f.StringVar(&c.User.URL, "user-url", "", "`URL` of the endpoint whose model is the user (default --agent-url where --user-model is given)")
	f.StringVar(&c.User.Model, "user-model", "", "`NAME` of the model that is the user (default none: the user is scripted)")
	f.StringVar(&c.Judge.URL, "judge-url", "", "`URL` of the endpoint whose model judges the dialogues beside the proofs (default --agent-url where --judge-model is given)")
	f.StringVar(&c.Judge.Model, "judge-model", "", "`NAME` of the model that judges; what it fails is refused, with the user, a tool or the agent at fault")
	f.IntVar(&t.votes, "judge-votes", 1, "votes of the judge on each dialogue, of which the majority counts")
	f.StringVar(&t.keyEnv, "api-key-env", "OPENAI_API_KEY", "`NAME` of the environment variable with the API key")
	f.StringVar(&t.userKey, "user-api-key-env", "", "the same for --user-url (default --api-key-env where both are the same endpoint)")
	f.Float64Var(&c.Budget, "budget", 0, "most that may be spent on the data set, in the currency of the prices; 0 means no limit")
	f.Float64Var(&c.Agent.PriceIn, "price-in", 0, "price of a million tokens of prompt")
	f.Float64Var(&c.Agent.PriceOut, "price-out", 0, "price of a million tokens of answer")
	f.Float64Var(&c.User.PriceIn, "user-price-in", 0, "the same for the user's model (default --price-in)")
	f.Float64Var(&c.User.PriceOut, "user-price-out", 0, "the same for the user's model (default --price-out)")
	f.Float64Var(&c.Client.RequestsPerMinute, "rpm", 0, "requests a minute to an endpoint; 0 means no limit")
	f.Float64Var(&c.Client.TokensPerMinute, "tpm", 0, "tokens a minute to an endpoint; 0 means no limit")
	f.IntVar(&c.Client.Concurrency, "concurrency", teacher.DefaultConcurrency, "calls at the same time to an endpoint")
	f.Float64Var(&c.Agent.Sampling.Temperature, "temperature", 0.6, "temperature of the models")
	f.IntVar(&c.Agent.Sampling.MaxTokens, "max-tokens", 0, "most tokens of an answer (default 2048)")
	f.StringVar(&c.Dir, "teacher-dir", "", "`FOLDER` of answers and ledger, to keep them after the data set is finished (default inside --out, until then)")
}

// cast makes the actors and puts them into the source; nil where all are scripted.
func (t *teacherFlags) cast(source *synth.SourceConfig, o *synth.Options) (*teacher.Cast, error) {
	c := t.config
	c.Agent.APIKey = os.Getenv(t.keyEnv)
	c.User.Sampling = c.Agent.Sampling
	c.User.PriceIn, c.User.PriceOut = cmp.Or(c.User.PriceIn, c.Agent.PriceIn), cmp.Or(c.User.PriceOut, c.Agent.PriceOut)
	c.Judge.PriceIn, c.Judge.PriceOut, c.Judge.APIKey = c.Agent.PriceIn, c.Agent.PriceOut, c.Agent.APIKey
	switch {
	case t.userKey != "":
		c.User.APIKey = os.Getenv(t.userKey)
	case c.Agent.URL == "" || c.User.URL == c.Agent.URL:
		c.User.APIKey = c.Agent.APIKey
	}
	c.Dir = cmp.Or(c.Dir, filepath.Join(o.Dir, synth.StateDir, "teacher"))
	cast, err := teacher.NewCast(c)
	if err != nil {
		return nil, usageError{err}
	}
	if cast != nil {
		source.Agent, source.User, source.Actors = cast.Agent, cast.User, cast.Describe
		o.Workers = cmp.Or(o.Workers, c.Client.Concurrency)
		o.GiveUp = synth.ModelGiveUp
	}
	return cast, nil
}

// judged lets the judge of a cast, where it has one, refuse dialogues of a source.
func (t *teacherFlags) judged(source *synth.Source, cast *teacher.Cast) synth.Sampler {
	if cast == nil || cast.Judge == nil {
		return source
	}
	m := judge.Model{Teacher: cast.Judge, Label: t.config.Judge.Model, Samples: t.votes}
	return judge.Filter{Sampler: source, Judge: m, Case: (&judge.Tasks{Sample: source.Task}).Case}
}

// reportCast says what was spent. It goes to stderr, like everything that differs from run to run.
func (g *globals) reportCast(cast *teacher.Cast) {
	if cast == nil {
		return
	}
	for _, t := range cast.Ledger.Totals() {
		g.logger().Info("spent", "on", t.Purpose, "calls", t.Calls, "from_cache", t.Cached, "lost", t.Lost,
			"prompt_tokens", t.PromptTokens, "completion_tokens", t.CompletionTokens, "cost", fmt.Sprintf("%.4f", t.Cost))
	}
	if err := cast.Ledger.Close(); err != nil {
		g.logger().Warn("the ledger could not be closed", "error", err)
	}
}
