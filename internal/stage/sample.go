package stage

import (
	"context"

	"muonclip/data/token"
	"muonclip/internal/config"
	"muonclip/internal/metrics"
	"muonclip/model/generate"
)

// EncodePrompt turns a prompt into the tokens that a document would begin with: BOS, then the text.
func EncodePrompt(tok *token.Tokenizer, prompt string) []int32 {
	var ids []int32
	if bos, ok := tok.ID(tok.Roles().BOS); ok {
		ids = append(ids, bos)
	}
	return tok.Encode(ids, prompt)
}

// Generation is the request that the generate section of a configuration describes. The end-of-text
// token ends a completion.
func Generation(cfg config.Config, tok *token.Tokenizer, prompts ...string) generate.Request {
	g := cfg.Generate
	seed := g.Seed
	if seed == 0 {
		seed = cfg.Seed
	}
	r := generate.Request{
		MaxTokens: g.MaxTokens, StopStrings: g.Stop, Text: func() generate.TextStream { return stream(tok) },
		Sample: generate.SampleOptions{
			RepetitionPenalty: g.RepetitionPenalty, Temperature: g.Temperature, TopK: g.TopK, TopP: g.TopP, MinP: g.MinP, Seed: seed,
		},
	}
	if eos, ok := tok.ID(tok.Roles().EOS); ok {
		r.Stop = []int32{eos}
	}
	for _, p := range prompts {
		r.Prompts = append(r.Prompts, EncodePrompt(tok, p))
	}
	return r
}

func stream(tok *token.Tokenizer) generate.TextStream {
	s := tok.NewStream()
	s.SkipSpecials = true
	return s
}

// sampler generates the run's sample prompts while a job trains; nil where there are none. On a processor an engine, whose
// copy of the weights takes memory, lives as long as its samples; on a GPU one is kept, with the memory that it has taken.
func (r *Run) sampler(j *job) func(context.Context, int64) ([]metrics.Sample, error) {
	prompts := r.Config.Train.SamplePrompts
	if len(prompts) == 0 {
		return nil
	}
	engine := generate.New(j.model, j.Place())
	return func(ctx context.Context, step int64) ([]metrics.Sample, error) {
		if j.Device == nil {
			engine = generate.New(j.model, j.Backend)
		}
		done, err := engine.Generate(ctx, Generation(r.Config, j.tokenizer, prompts...))
		if ctx.Err() != nil {
			return nil, nil // the run is being interrupted; the next one of these steps samples again
		}
		if err != nil {
			return nil, err
		}
		samples := make([]metrics.Sample, 0, len(done))
		for _, c := range done {
			samples = append(samples, metrics.Sample{Step: step, Prompt: prompts[c.Prompt], Text: c.Text, Temperature: r.Config.Generate.Temperature})
		}
		return samples, nil
	}
}
