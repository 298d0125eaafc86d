package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"

	"muonclip/internal/compute/cpu"
	"muonclip/internal/config"
	"muonclip/model/generate"
)

// GenerateOptions says what to generate with which model.
type GenerateOptions struct {
	Model    string   // run, checkpoint or model folder
	Prompts  []string // empty means one empty prompt
	Samples  int      // completions of each prompt
	Threads  int
	Device   string                 // cpu, cuda or auto; empty means that of the run
	Weights  string                 // how the weights are stored: float32, bf16 or int8; empty means float32
	Log      *slog.Logger           // gets warnings; may be nil
	Settings config.Generate        // replaces the run's settings where Given says so
	Given    func(flag string) bool // reports whether a flag of the generate command was given
	Stream   io.Writer              // gets the text as it appears, where there is one completion; nil for none
}

// Generated is one completion.
type Generated struct {
	Prompt     int             `json:"prompt"` // number of the prompt
	Sample     int             `json:"sample"`
	PromptText string          `json:"prompt_text"`
	Text       string          `json:"text"`
	Finish     generate.Finish `json:"finish_reason"`
	Tokens     []int32         `json:"tokens"`
	LogProbs   []float64       `json:"logprobs"` // under the model itself, in nats
}

// Generate continues prompts.
func Generate(ctx context.Context, o GenerateOptions) (out []Generated, err error) {
	if o.Samples < 1 {
		return nil, UsageError{fmt.Errorf("--samples is %d, want 1 or more", o.Samples)}
	}
	var weights cpu.Format
	if o.Weights != "" {
		if weights, err = cpu.ParseFormat(o.Weights); err != nil {
			return nil, UsageError{fmt.Errorf("--weights: %w", err)}
		}
	}
	t, err := OpenTrained(o.Model, o.Threads, o.Log)
	if err != nil {
		return nil, err
	}
	if t.Tokenizer == nil {
		return nil, fmt.Errorf("%s has no tokenizer, so prompts cannot be encoded for it", o.Model)
	}
	if len(o.Prompts) == 0 {
		o.Prompts = []string{""}
	}
	t.Config.Generate = o.settings(t.Config.Generate)
	if err := checkSettings(t.Config.Generate); err != nil {
		return nil, UsageError{err}
	}
	if err := t.Move(o.Device, o.Log); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	if t.Device != nil && weights != cpu.Full {
		return nil, UsageError{fmt.Errorf("--weights is %s: only a processor stores weights in another way; add --device cpu, or leave it out", o.Weights)}
	}
	r := Generation(t.Config, t.Tokenizer, o.Prompts...)
	r.Samples = o.Samples
	if o.Stream != nil && len(o.Prompts)*o.Samples == 1 {
		begin := o.Prompts[0] // shown with the first token, when the request has proved sound
		r.OnToken = func(tok generate.Token) {
			_, _ = io.WriteString(o.Stream, begin+tok.Text) // a closed terminal does not spoil the result
			begin = ""
		}
	}
	done, err := generate.NewWith(t.Model, t.Place(), generate.Options{Weights: weights}).Generate(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, c := range done {
		out = append(out, Generated{
			Prompt: c.Prompt, Sample: c.Sample, PromptText: o.Prompts[c.Prompt], Text: c.Text, Finish: c.Finish, Tokens: c.IDs, LogProbs: c.LogProbs,
		})
	}
	return out, nil
}

// checkSettings names every setting that is out of range.
func checkSettings(g config.Generate) error {
	var errs []error
	for _, f := range []struct {
		name      string
		v, lo, hi float64
	}{
		{"max-tokens", float64(g.MaxTokens), 1, math.MaxInt32}, {"temperature", g.Temperature, 0, math.MaxFloat64},
		{"top-k", float64(g.TopK), 0, math.MaxInt32}, {"top-p", g.TopP, 0, 1}, {"min-p", g.MinP, 0, 1},
		{"repetition-penalty", g.RepetitionPenalty, 0, math.MaxFloat64},
	} {
		switch inside := f.v >= f.lo && f.v <= f.hi; { // false for NaN
		case inside:
		case f.hi == 1:
			errs = append(errs, fmt.Errorf("--%s is %g, want %g to %g", f.name, f.v, f.lo, f.hi))
		default:
			errs = append(errs, fmt.Errorf("--%s is %g, want %g or more", f.name, f.v, f.lo))
		}
	}
	return errors.Join(errs...)
}

// settings merges the given flags into the run's settings. A folder without a run has the defaults of
// sampling from the model itself.
func (o GenerateOptions) settings(g config.Generate) config.Generate {
	s := o.Settings
	if g.MaxTokens == 0 {
		g.MaxTokens, g.Temperature = 256, 1
	}
	for flag, set := range map[string]func(){
		"max-tokens":         func() { g.MaxTokens = s.MaxTokens },
		"temperature":        func() { g.Temperature = s.Temperature },
		"top-k":              func() { g.TopK = s.TopK },
		"top-p":              func() { g.TopP = s.TopP },
		"min-p":              func() { g.MinP = s.MinP },
		"repetition-penalty": func() { g.RepetitionPenalty = s.RepetitionPenalty },
		"stop":               func() { g.Stop = s.Stop },
		"seed":               func() { g.Seed = s.Seed },
	} {
		if o.Given != nil && o.Given(flag) {
			set()
		}
	}
	return g
}
