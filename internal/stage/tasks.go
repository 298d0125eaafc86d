package stage

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"muonclip/internal/config"
	"muonclip/rl"
	"muonclip/rl/env"
	"muonclip/rl/env/codeenv"
	"muonclip/rl/env/ifenv"
	"muonclip/rl/env/mathenv"
	"muonclip/rl/env/openenv"
	"muonclip/rl/env/toolenv"
	"muonclip/rl/reward"
	"muonclip/synth"
	"muonclip/synth/task"
	"muonclip/synth/tool"
)

// arenas makes the environments of the tasks, the part to train on or the part that is held out: tools of other
// domains, other problems, other prompts.
func (r *Run) arenas(ctx context.Context, heldOut bool) (map[string]*rl.Arena, error) {
	out := map[string]*rl.Arena{}
	for _, t := range r.Config.Tasks {
		a, err := r.arena(ctx, t, heldOut)
		if err != nil {
			return nil, fmt.Errorf("tasks: %s: %w", t.Label(), err)
		}
		if a.MaxTokens = t.MaxTokens; a.MaxTokens == 0 {
			a.MaxTokens = r.Config.RL.MaxTokens
		}
		out[t.Label()] = a
	}
	return out, nil
}

// arena makes the environment of a task. What it holds ends with the run.
func (r *Run) arena(ctx context.Context, t config.Task, heldOut bool) (*rl.Arena, error) {
	kinds, err := config.Weights(t.Kinds)
	if err != nil {
		return nil, UsageError{err}
	}
	weights, err := config.Weights(t.Reward)
	if err != nil {
		return nil, UsageError{err}
	}
	part := env.Train
	if heldOut {
		part = env.HeldOut
	}
	a, rule := &rl.Arena{}, reward.Rule{}
	switch t.Env {
	case "tools":
		a.Environment, err = toolsOf(ctx, t, kinds, heldOut)
		rule = reward.Rule{Weights: map[string]float64{toolenv.Solved: 0.7, toolenv.Rubric: 0.2, toolenv.WellFormed: 0.1}}
	case "math":
		a.Environment, err = mathOf(t, part)
		rule = reward.Rule{Weights: map[string]float64{"correct": 0.9, "format": 0.1}}
	case "code":
		var e *codeenv.Env
		if e, err = codeOf(t, part); err == nil {
			a.Environment, rule = e, e.Rule()
			err = e.Ready(ctx)
		}
	case "instructions":
		var e *ifenv.Env
		if e, err = ifenv.New(ifenv.Options{File: t.Path, Part: part, MaxInstructions: t.MaxDifficulty}); err == nil {
			a.Environment, rule = e, e.Rule()
		}
	case "open":
		var e *openenv.Env
		if e, err = openenv.New(openenv.Options{File: t.Path, Part: part}); err == nil {
			a.Environment, a.Ranked, rule = e, true, e.Rule()
		}
	default:
		err = UsageError{fmt.Errorf("there is no environment %q", t.Env)}
	}
	if len(t.Reward) > 0 || len(t.Gates) > 0 { // the configuration's own rule instead of the environment's
		rule = reward.Rule{Weights: weights, Gates: t.Gates}
	}
	a.Rule = rule
	if end, ok := a.Environment.(io.Closer); ok {
		r.ends = append(r.ends, end)
	}
	return a, err
}

func toolsOf(ctx context.Context, t config.Task, kinds map[string]float64, heldOut bool) (env.Environment, error) {
	sets, err := synth.Tools(ctx, 0, t.Domains)
	if err != nil {
		return nil, UsageError{err}
	}
	train, held := tool.Split(sets)
	c := task.Config{Compact: t.Compact, Weights: taskWeights(kinds)}
	switch {
	case len(t.Domains) > 0 && len(held) > 0:
		return nil, errHeldOut(held[0].Domain.Name)
	case len(t.Domains) > 0 && heldOut:
		c.Part = task.HeldOut
	case len(t.Domains) > 0:
		c.Part = task.Train
	case heldOut:
		train = held
	}
	pool, err := task.NewPool(train, c)
	if err != nil {
		return nil, UsageError{err}
	}
	return toolenv.New(pool, toolenv.Config{Name: t.Label()}), nil
}

func errHeldOut(domain string) error {
	return UsageError{fmt.Errorf("the domain %s is kept out of all training: take another", domain)}
}

// taskWeights turns weights into the whole numbers that package task takes, a thousandth being the smallest.
func taskWeights(kinds map[string]float64) map[task.Kind]int {
	if kinds == nil {
		return nil
	}
	out := map[task.Kind]int{}
	for name, w := range kinds {
		out[task.Kind(name)] = int(w*1000 + 0.5)
	}
	return out
}

func mathOf(t config.Task, part env.Part) (env.Environment, error) {
	style := mathenv.Plain
	if t.Terse {
		style = mathenv.Terse
	}
	if t.Path != "" {
		return mathenv.Open(t.Path, mathenv.FileConfig{Name: t.Label(), Part: part})
	}
	return mathenv.New(mathenv.Config{Kinds: t.Kinds, MinDifficulty: t.MinDifficulty, MaxDifficulty: t.MaxDifficulty, Style: style, Part: part})
}

func codeOf(t config.Task, part env.Part) (*codeenv.Env, error) {
	style := codeenv.Plain
	if t.Terse {
		style = codeenv.Terse
	}
	file := codeenv.FileConfig{Name: t.Label(), Part: part}
	switch base := strings.ToLower(filepath.Base(t.Path)); {
	case t.Path == "":
		return codeenv.New(codeenv.Config{Kinds: t.Kinds, MinDifficulty: t.MinDifficulty, MaxDifficulty: t.MaxDifficulty, Style: style, Part: part})
	case strings.HasPrefix(base, "mbpp"):
		return codeenv.OpenMBPP(t.Path, file)
	default:
		return codeenv.OpenHumanEval(t.Path, file)
	}
}
