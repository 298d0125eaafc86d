// Package ifenv is the environment of verifiable instructions: requests with one to five instructions that a program can
// check, from the data file of IFEval or generated, and a score that also looks at whether compliance is real.
//
// An episode is one request and one response. Its components:
//
//	followed  one for each instruction, 1 where it is followed strictly
//	all       1 where all are
//	topic     generated tasks only: 1 where the response names what it is asked to write about
//	honest    1 where ifeval.Hacks finds nothing
//
// Rule gates the reward by honest and topic, so that neither silence nor arbitrary words earn anything on generated tasks.
// In the data file nothing says what a response is about; there, fluent words beside the point pass an instruction such as
// "no commas", as they do in the public checker, and the reward should be joined with a critic's.
package ifenv

import (
	"context"
	"fmt"
	"os"
	"slices"

	"muonclip/internal/rng"
	"muonclip/rl/env"
	"muonclip/rl/reward"
	"muonclip/rl/reward/ifeval"
)

// Options configure an environment. The zero value generates tasks with one to three instructions of both parts.
type Options struct {
	File string // data file of IFEval; empty generates tasks
	Part env.Part
	// MaxInstructions of generated tasks, at most 5; 0 means 3.
	MaxInstructions int
}

// Env implements env.Environment.
type Env struct {
	o       Options
	prompts []ifeval.Prompt // of the file and the part; nil where tasks are generated
}

var _ env.Environment = (*Env)(nil)

// New reads the data file, if there is one. A bad line, and a prompt that asks for a language which cannot be recognised,
// are errors.
func New(o Options) (*Env, error) {
	if o.MaxInstructions == 0 {
		o.MaxInstructions = 3
	}
	if o.MaxInstructions < 1 || o.MaxInstructions > 5 {
		return nil, fmt.Errorf("ifenv: MaxInstructions is %d, want 1 to 5", o.MaxInstructions)
	}
	if err := o.Part.Check(); err != nil {
		return nil, fmt.Errorf("ifenv: %w", err)
	}
	e := &Env{o: o}
	if o.File == "" {
		return e, nil
	}
	f, err := os.Open(o.File)
	if err != nil {
		return nil, fmt.Errorf("ifenv: %w", err)
	}
	defer f.Close()
	for p, err := range ifeval.ReadJSONL(f) {
		if err != nil {
			return nil, fmt.Errorf("ifenv: %s: %w", o.File, err)
		}
		for _, i := range p.Instructions {
			if i.Kind == ifeval.ResponseLanguage && !slices.Contains(ifeval.Languages(), i.Args.Language) {
				return nil, fmt.Errorf("ifenv: %s: prompt %d asks for the language %q, which cannot be recognised: remove the prompt",
					o.File, p.Key, i.Args.Language)
			}
		}
		if o.Part.Has(p.Text) {
			e.prompts = append(e.prompts, p)
		}
	}
	if len(e.prompts) == 0 {
		return nil, fmt.Errorf("ifenv: %s has no prompt of the part %q", o.File, o.Part)
	}
	return e, nil
}

// Rule is the reward meant for this environment: honest and topic are gates, and following all counts as much as the mean of
// the parts. File tasks have no topic.
func (e *Env) Rule() reward.Rule {
	r := reward.Rule{Weights: map[string]float64{"followed": 1, "all": 1}, Gates: []string{"honest"}}
	if e.prompts == nil {
		r.Gates = append(r.Gates, "topic")
	}
	return r
}

// Name is instructions.
func (e *Env) Name() string { return "instructions" }

// Len is the number of prompts of the file in the part, 0 (without end) for generated tasks.
func (e *Env) Len() uint64 { return uint64(len(e.prompts)) }

// Reset begins the episode of a key. A file's prompts are numbered by Index alone.
func (e *Env) Reset(_ context.Context, key env.Key) (env.Episode, error) {
	if e.prompts != nil {
		return newEpisode(e.prompts[key.Index%uint64(len(e.prompts))], "", ""), nil
	}
	return e.generate(key)
}

// generate draws a topic, a request and instructions until the task belongs to the part and a text is known that does it.
// About one draw of ten has no such text; a hundred in a row do not happen.
func (e *Env) generate(key env.Key) (env.Episode, error) {
	r := rng.New(key.Seed, "instructions", key.Index)
	n := 1 + r.IntN(e.o.MaxInstructions)
	var last error
	for range 200 {
		topic := topics[r.IntN(len(topics))]
		request := fmt.Sprintf(requests[r.IntN(len(requests))], topic)
		p := ifeval.Prompt{Text: request, Instructions: ifeval.Draw(r, n, request)}
		for _, i := range p.Instructions {
			p.Text += " " + i.Describe()
		}
		if len(p.Instructions) < n || !e.o.Part.Has(p.Text) {
			continue
		}
		gold, err := ifeval.Compose(r, topic, p)
		if err == nil {
			return newEpisode(p, topic, gold), nil
		}
		last = err
	}
	return nil, fmt.Errorf("ifenv: episode %s: no task was found: %w", key, last)
}
