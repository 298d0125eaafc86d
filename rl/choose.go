package rl

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"muonclip/internal/rng"
	"muonclip/rl/env"
	"muonclip/rl/reward"
)

// candidates is how many episodes are looked at for each one that is taken.
const candidates = 4

// Share is an arena's part of the prompts.
type Share struct {
	Arena  string
	Weight float64
}

// Bucket is what is known of a sort of episodes: how well the policy does there. Older iterations count less.
type Bucket struct {
	Reward float64 `json:"reward"` // mean
	Weight float64 `json:"weight"` // of the evidence, in rollouts
}

// fade is what an iteration's evidence still counts after the next one.
const fade = 0.8

// observe adds an iteration's groups to the buckets.
func observe(before map[string]Bucket, groups []*Group) map[string]Bucket {
	after := map[string]Bucket{}
	for name, b := range before {
		after[name] = Bucket{b.Reward, b.Weight * fade}
	}
	for _, g := range groups {
		for _, r := range g.Rewarded() {
			name := bucket(r.Env, r.Info)
			b := after[name]
			b.Reward = (b.Reward*b.Weight + r.Reward) / (b.Weight + 1)
			b.Weight++
			after[name] = b
		}
	}
	return after
}

func bucket(arena string, i env.Info) string {
	return fmt.Sprintf("%s/%s/%d", arena, i.Kind, i.Difficulty)
}

// learnable is how much there is to learn where the mean reward is m: most where the policy succeeds half of the time,
// little where it always or never does (K2, arXiv 2507.20534, section 3.2.1: prompts of moderate difficulty). What
// was never tried counts as half.
func learnable(b Bucket) float64 {
	m := (b.Reward*b.Weight + 0.5*4) / (b.Weight + 4)
	m = min(max(m, 0), 1)
	return 0.05 + 4*m*(1-m)
}

// choose begins n groups of an iteration: each takes an arena by its share and, of a few of its episodes that have not
// been used, one by how much there is to learn. The result is a function of the seed, the iteration and the buckets,
// as long as every episode can be had.
func (t *Trainer) choose(ctx context.Context, iteration, n int) ([]*Group, error) {
	var groups []*Group
	for slot := range n {
		r := rng.New(t.Seed, "rl episode", uint64(iteration), uint64(slot))
		arena := t.arena(r)
		a := t.Arenas[arena]
		var keys []env.Key
		var weights []float64
		for i := range candidates {
			key := env.Key{Seed: t.Seed, Index: (uint64(iteration)*uint64(n)+uint64(slot))*candidates + uint64(i)}
			if size := a.Len(); size > 0 {
				key.Index = r.Uint64N(size)
			}
			e, err := guard(ctx, t.EnvTimeout, func(ctx context.Context) (env.Episode, error) { return a.Reset(ctx, key) })
			keys = append(keys, key)
			switch {
			case ctx.Err() != nil:
				return nil, ctx.Err()
			case errors.Is(err, reward.ErrUnavailable): // taken only where the others are no better; its rollouts say why
				weights = append(weights, 0)
				continue
			case err != nil:
				return nil, fmt.Errorf("rl: %s %s: %w", arena, key, err)
			}
			weights = append(weights, learnable(t.buckets[bucket(arena, e.Info())]))
		}
		g := &Group{Env: arena, Key: keys[pick(r, weights)]}
		if slices.ContainsFunc(groups, func(o *Group) bool { return o.Env == g.Env && o.Key == g.Key }) {
			continue // a small set of problems gave one twice
		}
		for k := range t.Samples {
			g.Rollouts = append(g.Rollouts, &Rollout{Env: g.Env, Key: g.Key, Sample: k})
		}
		groups = append(groups, g)
	}
	return groups, nil
}

// arena draws an arena by the shares.
func (t *Trainer) arena(r *rand.Rand) string {
	var weights []float64
	for _, s := range t.Shares {
		weights = append(weights, s.Weight)
	}
	return t.Shares[pick(r, weights)].Arena
}

// pick draws an index in proportion to the weights.
func pick(r *rand.Rand, weights []float64) int {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	u := r.Float64() * sum
	for i, w := range weights {
		if u -= w; u < 0 {
			return i
		}
	}
	return len(weights) - 1
}
