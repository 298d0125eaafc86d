package rl

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"muonclip/data/chat"
	"muonclip/internal/rng"
	"muonclip/rl/env"
	"muonclip/rl/reward"
)

// Preflight is what policies that need no training earn in an arena: the shares of episodes with the whole reward.
type Preflight struct {
	Gold   Rate // the environment's own solution, where it knows one
	Silent Rate // says nothing
	Random Rate // says words of the task in any order, and calls offered tools with any arguments; of no episode where Ranked
}

// cheap is the share of episodes in which a policy that knows nothing may earn the whole reward.
const cheap = 0.1

// Check lets the environment's own solution, a silent and a random policy act in n episodes. It fails where a gold
// solution does not earn the whole reward, where silence earns it in more than a tenth of the episodes, or where the
// random policy does so beyond chance, which is when its whole interval lies above a tenth: training on such rewards would
// teach the wrong thing. Rates of fewer than ten episodes are not judged.
//
// What cannot be measured of the silent and the random policy they have not won; of the gold solution it is an error. The
// random policy does not act in a Ranked arena: all that code decides of an open answer, any words may have, and a critic
// would have to tell the rest.
func (a *Arena) Check(ctx context.Context, n int, seed uint64) (Preflight, error) {
	var p Preflight
	var gold, golds, silent, random, all int
	if size := a.Len(); size > 0 {
		n = int(min(uint64(n), size))
	}
	for i := range n {
		key := env.Key{Seed: seed, Index: uint64(i)}
		all++
		for _, c := range []struct {
			policy func(env.Episode) env.Policy
			won    *int
		}{
			{func(e env.Episode) env.Policy { return e.Gold() }, &gold},
			{func(env.Episode) env.Policy { return silentPolicy{} }, &silent},
			{func(env.Episode) env.Policy { return &randomPolicy{seed: seed, index: uint64(i)} }, &random},
		} {
			if a.Ranked && c.won == &random {
				continue
			}
			e, err := a.Reset(ctx, key)
			if err != nil {
				return p, fmt.Errorf("rl: %s %s: %w", a.Name(), key, err)
			}
			policy := c.policy(e)
			if policy == nil {
				continue
			}
			if c.won == &gold {
				golds++
			}
			components, err := play(ctx, e, policy)
			if c.won != &gold && errors.Is(err, reward.ErrUnavailable) {
				continue
			}
			if err != nil {
				return p, fmt.Errorf("rl: %s %s: %w", a.Name(), key, err)
			}
			// A rule that cannot compose what was measured is wrong whoever acts, so that it is an error for all of them.
			earned, err := a.Compose(components)
			if err != nil {
				return p, fmt.Errorf("rl: %s %s: %w", a.Name(), key, err)
			}
			if earned >= 1 {
				*c.won++
			} else if c.won == &gold {
				return p, fmt.Errorf("rl: the gold solution of %s %s earns %.3f of 1 (%s): the environment or its reward is broken", a.Name(), key, earned, shortfall(components))
			}
		}
	}
	p = Preflight{Gold: NewRate(gold, golds), Silent: NewRate(silent, all)}
	if !a.Ranked {
		p.Random = NewRate(random, all)
	}
	for _, c := range []struct {
		name  string
		rate  Rate
		least float64 // of what it earns, as far as is known
	}{{"silent", p.Silent, p.Silent.Share}, {"random", p.Random, p.Random.Low}} {
		if r := c.rate; r.Of >= 10 && c.least > cheap {
			return p, fmt.Errorf("rl: a %s policy earns the whole reward in %d of %d episodes of %s: give the reward gates, or other weights", c.name, r.Successes, r.Of, a.Name())
		}
	}
	return p, nil
}

// play lets a policy act until the episode is over and measures what it did.
func play(ctx context.Context, e env.Episode, policy env.Policy) ([]reward.Component, error) {
	d := e.Opening()
	for range max(1, e.Info().MaxTurns) {
		m, err := policy.Act(ctx, d.Messages, d.Tools)
		if err != nil {
			return nil, err
		}
		out := chat.Output{Content: m.Content, Finish: chat.FinishStop}
		for i, call := range m.ToolCalls {
			if call.ID == "" {
				call.ID = chat.CallID(call.Name, d.Calls()+i)
			}
			out.Calls, out.Finish = append(out.Calls, chat.Call{ToolCall: call}), chat.FinishToolCalls
		}
		d.Messages = append(d.Messages, out.Message())
		answer, done, err := e.Step(ctx, out)
		if err != nil {
			return nil, err
		}
		d.Messages = append(d.Messages, answer...)
		if done {
			break
		}
	}
	return e.Score(ctx)
}

// shortfall names the components that are not whole.
func shortfall(components []reward.Component) (why string) {
	for _, c := range components {
		if c.Value < 1 {
			why += fmt.Sprintf("%s %.2f %s; ", c.Name, c.Value, c.Evidence)
		}
	}
	return why
}

type silentPolicy struct{}

func (silentPolicy) Act(context.Context, []chat.Message, []chat.Tool) (chat.Message, error) {
	return chat.Message{Role: chat.RoleAssistant}, nil
}

type randomPolicy struct{ seed, index, turn uint64 }

func (p *randomPolicy) Act(_ context.Context, messages []chat.Message, tools []chat.Tool) (chat.Message, error) {
	r := rng.New(p.seed, "random policy", p.index, p.turn)
	p.turn++
	var words []string
	for _, m := range messages {
		words = append(words, strings.Fields(m.Content)...)
	}
	m := chat.Message{Role: chat.RoleAssistant}
	if len(tools) > 0 && r.IntN(2) == 0 {
		m.ToolCalls = []chat.ToolCall{{Name: tools[r.IntN(len(tools))].Name, Arguments: []byte(`{}`)}}
		return m, nil
	}
	for range min(len(words), 1+r.IntN(12)) {
		m.Content += words[r.IntN(len(words))] + " "
	}
	return m, nil
}
