package rl

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// loss is the objective by its definition, as a function of the log-probabilities.
func loss(o Objective, rollouts []*Rollout, now [][]float64) float64 {
	k := float64(len(rollouts))
	mean, variance := 0.0, 0.0
	for _, r := range rollouts {
		mean += r.Reward / k
	}
	for _, r := range rollouts {
		variance += (r.Reward - mean) * (r.Reward - mean) / k
	}
	sum := 0.0
	for i, r := range rollouts {
		a := r.Reward - mean
		if o.Kind == K2 {
			ratio := -r.LogProb()
			for _, p := range now[i] {
				ratio += p
			}
			sum += (a - o.Tau*ratio) * (a - o.Tau*ratio) / (2 * o.Tau * k)
			continue
		}
		a /= math.Sqrt(variance)
		for t, p := range now[i] {
			ratio := math.Exp(p - r.Turns[0].LogProbs[t])
			sum -= math.Min(ratio*a, math.Min(math.Max(ratio, 1-o.Clip), 1+o.Clip)*a) / (k * float64(len(now[i])))
		}
	}
	return sum
}

// TestWeightsAreTheGradient compares the factors with finite differences of the objective: a token's negative
// log-likelihood has the factor -dL/dlogp.
func TestWeightsAreTheGradient(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := Objective{Kind: rapid.SampledFrom([]string{K2, GRPO}).Draw(t, "kind"), Tau: rapid.Float64Range(0.01, 2).Draw(t, "tau"), Clip: 0.2}
		logProb := rapid.Float64Range(-4, -0.01)
		n := rapid.IntRange(2, 5).Draw(t, "samples")
		var rollouts []*Rollout
		var now [][]float64
		for i := range n {
			tokens := rapid.IntRange(1, 4).Draw(t, "tokens")
			old := rapid.SliceOfN(logProb, tokens, tokens).Draw(t, "old")
			r := &Rollout{Reward: float64(i%2) + 0.125*float64(i), Finish: Done, Turns: []Turn{{LogProbs: old}}}
			moved := make([]float64, tokens)
			for j := range moved {
				moved[j] = old[j] + rapid.Float64Range(-0.5, 0.5).Draw(t, "moved")
			}
			rollouts, now = append(rollouts, r), append(now, moved)
		}
		weights := o.Weights(rollouts, now)
		for i := range now {
			for j := range now[i] {
				const h = 1e-6
				if o.Kind == GRPO { // no difference across the edge of the clip range
					ratio := math.Exp(now[i][j] - rollouts[i].Turns[0].LogProbs[j])
					if math.Abs(ratio-1.2) < 1e-4 || math.Abs(ratio-0.8) < 1e-4 {
						continue
					}
				}
				p := now[i][j]
				now[i][j] = p + h
				up := loss(o, rollouts, now)
				now[i][j] = p - h
				down := loss(o, rollouts, now)
				now[i][j] = p
				want := -(up - down) / (2 * h)
				if math.Abs(weights[i][j]-want) > 1e-6*(1+math.Abs(want)) {
					t.Fatalf("%s: weight of token %d of rollout %d is %v, finite differences give %v", o.Kind, j, i, weights[i][j], want)
				}
			}
		}
	})
}

func TestEqualRewardsTeachNothing(t *testing.T) {
	rollouts := []*Rollout{{Reward: 0.5, Turns: []Turn{{LogProbs: []float64{-1, -2}}}}, {Reward: 0.5, Turns: []Turn{{LogProbs: []float64{-3}}}}}
	now := [][]float64{{-1, -2}, {-3}}
	for _, o := range []Objective{{Kind: K2, Tau: 0.5}, {Kind: GRPO, Clip: 0.2}} {
		for i, weights := range o.Weights(rollouts, now) {
			for j, w := range weights {
				if w != 0 {
					t.Errorf("%s: rollout %d, token %d has weight %v, want 0", o.Kind, i, j, w)
				}
			}
		}
	}
}
