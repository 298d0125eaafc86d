package rl

import (
	"context"
	"maps"
	"slices"

	"muonclip/internal/wilson"
	"muonclip/rl/env"
)

// Rate is a share of successes with its 95 % Wilson interval.
type Rate struct {
	Successes int     `json:"successes"`
	Of        int     `json:"of"`
	Share     float64 `json:"share"`
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
}

// NewRate is the rate of k successes in n trials (Wilson, 1927).
func NewRate(k, n int) Rate {
	r := Rate{Successes: k, Of: n, High: 1}
	if n == 0 {
		return r
	}
	r.Share = float64(k) / float64(n)
	r.Low, r.High = wilson.Interval(r.Share, float64(n))
	return r
}

// Rates is how a policy does in an environment.
type Rates struct {
	Success    Rate               `json:"success"` // episodes that earn the whole reward
	Reward     float64            `json:"reward"`  // mean
	Components map[string]float64 `json:"components"`
	Kinds      map[string]Rate    `json:"kinds"`
	Tokens     float64            `json:"tokens"` // of the policy in an episode, mean
	Missing    int                `json:"missing,omitempty"`
}

// Evaluate lets the policy act in n episodes of every arena and reports how it does. At temperature 0 it takes the
// likeliest token everywhere.
func (c *Collector) Evaluate(ctx context.Context, n int, seed uint64, temperature float64) (map[string]Rates, error) {
	out := map[string]Rates{}
	for _, name := range slices.Sorted(maps.Keys(c.Arenas)) {
		groups, err := c.Play(ctx, name, n, seed, temperature)
		if err != nil {
			return nil, err
		}
		out[name] = Summarize(groups)
	}
	return out, nil
}

// Play lets the policy act once in each of n episodes of an arena.
func (c *Collector) Play(ctx context.Context, arena string, n int, seed uint64, temperature float64) ([]*Group, error) {
	if size := c.Arenas[arena].Len(); size > 0 {
		n = int(min(uint64(n), size))
	}
	var groups []*Group
	for i := range n {
		key := env.Key{Seed: seed, Index: uint64(i)}
		groups = append(groups, &Group{Env: arena, Key: key, Rollouts: []*Rollout{{Env: arena, Key: key}}})
	}
	_, err := c.Collect(ctx, groups, Sampling{Temperature: temperature, Seed: seed})
	return groups, err
}

// Summarize counts what came of groups of one environment.
func Summarize(groups []*Group) Rates {
	out := Rates{Components: map[string]float64{}, Kinds: map[string]Rate{}}
	kinds := map[string][2]int{}
	counts := map[string]float64{}
	success, n := 0, 0
	for _, g := range groups {
		for _, r := range g.Rollouts {
			if r.Error != "" || r.Finish == "" {
				out.Missing++
				continue
			}
			won := 0
			if r.Reward >= 1 {
				won = 1
			}
			n, success = n+1, success+won
			k := kinds[r.Info.Kind]
			kinds[r.Info.Kind] = [2]int{k[0] + won, k[1] + 1}
			out.Reward += r.Reward
			out.Tokens += float64(r.Tokens())
			for _, part := range r.Components {
				out.Components[part.Name] += part.Value
				counts[part.Name]++
			}
		}
	}
	out.Success = NewRate(success, n)
	if n > 0 {
		out.Reward, out.Tokens = out.Reward/float64(n), out.Tokens/float64(n)
	}
	for name := range out.Components {
		out.Components[name] /= counts[name]
	}
	for name, k := range kinds {
		out.Kinds[name] = NewRate(k[0], k[1])
	}
	return out
}
