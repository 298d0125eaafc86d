package rl

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"muonclip/data/chat"
	"muonclip/rl/env"
	"muonclip/rl/reward/critic"
)

// Critique has answers that no program can verify ranked by a critic (K2, arXiv 2507.20534, section 3.2.2), and keeps
// the critic honest on answers whose reward is known.
type Critique struct {
	// Judge compares two answers; nil means the policy itself, whose probabilities of the answers A and B are read.
	Judge   critic.Judge
	Rubrics []critic.Rubric // nil means those of K2: core and prescriptive
	Arenas  []string        // whose rewards get a component critic
	// Verifiable are arenas with one turn and a reward that a program checks. The critic's agreement with it is
	// measured in every iteration, before the critic learns from the same rollouts.
	Verifiable []string
}

// agreements is how many verifiable groups of an iteration the critic is measured on.
const agreements = 8

// judge is who compares.
func (t *Trainer) judge() critic.Judge {
	j := t.Critique.Judge
	if j == nil {
		j = critic.ChoiceJudge{Model: &chooser{Collector: t.Collector}}
	}
	return critic.Referee{Next: j}
}

// critique adds the critic's component to the groups that it judges. A critic that fails leaves a group without
// rewards.
func (t *Trainer) critique(ctx context.Context, it *Iteration, groups []*Group) error {
	if t.Critique == nil {
		return nil
	}
	j := t.judge()
	judged := critic.Critic{Judge: j, Rubrics: t.Critique.Rubrics}
	consistency, n := 0.0, 0
	for _, g := range groups {
		rollouts := g.Rewarded()
		if !slices.Contains(t.Critique.Arenas, g.Env) || len(rollouts) == 0 {
			continue
		}
		prompt, responses, err := t.answers(ctx, g, rollouts)
		if err != nil {
			return err
		}
		ranking, err := judged.Rank(ctx, prompt, responses)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			for _, r := range rollouts {
				r.Error, r.Reward = err.Error(), 0
			}
			continue
		}
		consistency, n = consistency+ranking.Consistency(), n+1
		for i, r := range rollouts {
			r.Components = append(r.Components, ranking.Component(i))
			penalty := 0.0
			if r.Finish.Cut() {
				penalty = t.CutPenalty
			}
			if r.Reward, err = t.Arenas[g.Env].Rule.Compose(r.Components); err != nil {
				r.Error, r.Reward = err.Error(), 0
				continue
			}
			r.Reward -= penalty
		}
	}
	if n > 0 {
		it.CriticConsistency = consistency / float64(n)
	}
	known, err := t.known(ctx, groups)
	if err != nil || len(known) == 0 {
		return err
	}
	a, err := critic.Agree(ctx, j, known[:min(len(known), agreements)], critic.Pairing{Seed: t.Seed, PerGroup: 2}, 1)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		t.Log.Warn("the critic could not be measured", "iteration", it.Iteration, "error", err)
		return nil
	}
	it.Agreement = &a
	return nil
}

// lessons are examples from which the critic, which is the policy, learns to prefer what is verifiably better: rollouts
// of their own group's prompt, as the questions that it will be asked (K2, section 3.2.2, closed-loop refinement).
func (t *Trainer) lessons(ctx context.Context, groups []*Group) ([]*Rollout, error) {
	if t.Critique == nil || t.Critique.Judge != nil {
		return nil, nil
	}
	known, err := t.known(ctx, groups)
	if err != nil {
		return nil, err
	}
	var out []*Rollout
	for _, d := range critic.Refine(known, critic.Pairing{Seed: t.Seed, PerGroup: 1}) {
		ids, mask, err := chat.Encode(t.Tokenizer, t.Format, d, chat.RenderOptions{})
		if err != nil {
			return nil, err
		}
		if len(ids) > t.context() {
			continue
		}
		r := &Rollout{IDs: ids}
		for i, trained := range mask {
			if !trained {
				continue
			}
			if i == 0 || !mask[i-1] {
				r.Turns = append(r.Turns, Turn{Start: i})
			}
			turn := &r.Turns[len(r.Turns)-1]
			turn.LogProbs = append(turn.LogProbs, 0)
		}
		out = append(out, r)
	}
	return out, nil
}

// known are the groups of verifiable arenas whose rewards differ.
func (t *Trainer) known(ctx context.Context, groups []*Group) ([]critic.Group, error) {
	var out []critic.Group
	for _, g := range groups {
		rollouts := g.Rewarded()
		if !slices.Contains(t.Critique.Verifiable, g.Env) || len(rollouts) < 2 || g.equal() {
			continue
		}
		prompt, responses, err := t.answers(ctx, g, rollouts)
		if err != nil {
			return nil, err
		}
		k := critic.Group{Prompt: prompt}
		for i, r := range rollouts {
			k.Rollouts = append(k.Rollouts, critic.Rollout{Response: responses[i], Reward: math.Max(0, r.Reward)})
		}
		out = append(out, k)
	}
	return out, nil
}

// answers reads what was asked in a group and what was answered, all turns of a rollout together.
func (t *Trainer) answers(ctx context.Context, g *Group, rollouts []*Rollout) (critic.Prompt, []string, error) {
	e, err := guard(ctx, t.EnvTimeout, func(ctx context.Context) (env.Episode, error) { return t.Arenas[g.Env].Reset(ctx, g.Key) })
	if err != nil {
		return nil, nil, fmt.Errorf("rl: %s %s: %w", g.Env, g.Key, err)
	}
	var responses []string
	for _, r := range rollouts {
		var said []string
		for _, turn := range r.Turns {
			out, err := chat.ParseIDs(t.Tokenizer, t.Format, r.IDs[turn.Start:turn.Start+len(turn.LogProbs)], chat.ParseOptions{})
			if err != nil && r.Finish != Foreign {
				return nil, nil, fmt.Errorf("rl: %s %s: %w", g.Env, g.Key, err)
			}
			said = append(said, out.Content)
		}
		responses = append(responses, strings.Join(said, "\n"))
	}
	return e.Opening().Messages, responses, nil
}
