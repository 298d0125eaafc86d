// Package toolenv is the environment of tool use: a scripted user, tools that are executed on a world, and a rubric
// that was proved before anybody acts. Episodes are the tasks of package synth.
package toolenv

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"muonclip/data/chat"
	"muonclip/rl/env"
	"muonclip/synth/actor"
	synth "muonclip/synth/env"
	"muonclip/synth/proof"
	"muonclip/synth/task"
)

// Config says what an environment offers.
type Config struct {
	// Name of the environment; "" means tools. Give tools that are kept out of training an environment of their own.
	Name string
	// Episodes is how many there are; 0 means that every index has one.
	Episodes uint64
	// MaxTokens is the budget of the policy for one request of each kind; nil means DefaultMaxTokens. Kinds that are
	// missing have the budget of the run.
	MaxTokens map[task.Kind]int
}

// Env is the environment. It is used by many goroutines.
type Env struct {
	cfg     Config
	pool    *task.Pool
	checker proof.Checker
}

var _ env.Environment = (*Env)(nil)

// New makes an environment of the tasks of a pool.
func New(pool *task.Pool, c Config) *Env {
	c.Name = cmp.Or(c.Name, "tools")
	if c.MaxTokens == nil {
		c.MaxTokens = DefaultMaxTokens()
	}
	return &Env{cfg: c, pool: pool}
}

// Name implements env.Environment.
func (e *Env) Name() string { return e.cfg.Name }

// Len implements env.Environment.
func (e *Env) Len() uint64 { return e.cfg.Episodes }

// Reset implements env.Environment.
func (e *Env) Reset(ctx context.Context, key env.Key) (env.Episode, error) {
	t, err := e.pool.Sample(task.Key{Seed: key.Seed, Index: key.Index})
	if err != nil {
		return nil, fmt.Errorf("toolenv: episode %s: %w", key, err)
	}
	ep := &episode{env: e, task: t, info: e.info(t)}
	ep.gym = synth.Gym{NewUser: func(t *task.Task) (synth.User, error) { return actor.NewUser(t), nil }, MaxTurns: ep.info.MaxTurns}
	begun, err := ep.gym.Begin(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("toolenv: episode %s: %w", key, err)
	}
	ep.opening = chat.Dialogue{ID: t.ID(), Messages: slices.Clone(begun.Messages), Tools: begun.Tools}
	return ep, nil
}

// DefaultMaxTokens is the budget of the policy for one request of each kind, about three times of what the scripted
// expert writes at three characters a token.
func DefaultMaxTokens() map[task.Kind]int {
	return map[task.Kind]int{
		task.Single: 256, task.Dependent: 384, task.Parallel: 640, task.Loop: 1024, task.Missing: 384, task.Ambiguous: 512, task.Changed: 384,
		task.Forbidden: 512, task.Consent: 384, task.Impossible: 384, task.NoTool: 192, task.Irrelevant: 256, task.Recovery: 768, task.Long: 768,
	}
}

// info describes a task. The policy has twice the turns that the plan needs, and some more.
func (e *Env) info(t *task.Task) env.Info {
	in := env.Info{Kind: string(t.Kind), Difficulty: t.Difficulty, MaxTurns: 4 + 2*t.Calls + 8*len(t.Faults)}
	for _, s := range t.Segments {
		in.MaxTokens += e.cfg.MaxTokens[s.Kind]
		for _, step := range s.Steps {
			if step.Do != task.DoCall {
				in.MaxTurns += 2
			}
		}
	}
	return in
}
