package rl

import (
	"context"
	"fmt"
	"strings"

	"muonclip/data/chat"
	"muonclip/internal/rng"
	"muonclip/rl/env"
)

// Preflight is what policies that need no training earn in an arena: the shares of episodes with the whole reward.
type Preflight struct {
	Gold   Rate // the environment's own solution, where it knows one
	Silent Rate // says nothing
	Random Rate // says words of the task in any order, and calls offered tools with any arguments
}

// Check lets the environment's own solution, a silent and a random policy act in n episodes. It fails where a gold
// solution does not earn the whole reward, or where a policy that knows nothing earns it in more than a tenth of the
// episodes: training on such rewards would teach the wrong thing.
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
			earned, why, err := a.play(ctx, e, policy)
			if err != nil {
				return p, fmt.Errorf("rl: %s %s: %w", a.Name(), key, err)
			}
			if earned >= 1 {
				*c.won++
			} else if c.won == &gold {
				return p, fmt.Errorf("rl: the gold solution of %s %s earns %.3f of 1 (%s): the environment or its reward is broken", a.Name(), key, earned, why)
			}
		}
	}
	p = Preflight{Gold: NewRate(gold, golds), Silent: NewRate(silent, all), Random: NewRate(random, all)}
	for name, r := range map[string]Rate{"silent": p.Silent, "random": p.Random} {
		if r.Of >= 10 && r.Share > 0.1 {
			return p, fmt.Errorf("rl: a %s policy earns the whole reward in %d of %d episodes of %s: give the reward gates, or other weights", name, r.Successes, r.Of, a.Name())
		}
	}
	return p, nil
}

// play lets a policy act until the episode is over and composes its reward.
func (a *Arena) play(ctx context.Context, e env.Episode, policy env.Policy) (earned float64, why string, err error) {
	d := e.Opening()
	for range max(1, e.Info().MaxTurns) {
		m, err := policy.Act(ctx, d.Messages, d.Tools)
		if err != nil {
			return 0, "", err
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
			return 0, "", err
		}
		d.Messages = append(d.Messages, answer...)
		if done {
			break
		}
	}
	components, err := e.Score(ctx)
	if err != nil {
		return 0, "", err
	}
	for _, c := range components {
		if c.Value < 1 {
			why += fmt.Sprintf("%s %.2f %s; ", c.Name, c.Value, c.Evidence)
		}
	}
	earned, err = a.Compose(components)
	return earned, why, err
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
