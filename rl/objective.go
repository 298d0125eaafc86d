package rl

import (
	"fmt"
	"math"
)

// Objectives of Objective.Kind.
const (
	K2   = "k2"   // squared form of Kimi K1.5 and K2
	GRPO = "grpo" // for comparison
)

// Objective says what the policy is trained for. Neither Kimi K1.5 nor K2 publish its constants: all values are ours.
type Objective struct {
	Kind string
	// Tau is the strength with which K2 holds the policy to the one that wrote the rollouts.
	Tau float64
	// Clip bounds the ratio of new to old probability of GRPO, 1-Clip to 1+Clip.
	Clip float64
}

// Validate names what is out of range.
func (o Objective) Validate() error {
	switch {
	case o.Kind != K2 && o.Kind != GRPO:
		return fmt.Errorf("rl: objective %q, want %s or %s", o.Kind, K2, GRPO)
	case o.Kind == K2 && !(o.Tau >= 0):
		return fmt.Errorf("rl: tau is %v, want 0 or more", o.Tau)
	case o.Kind == GRPO && !(o.Clip > 0 && o.Clip < 1):
		return fmt.Errorf("rl: clip range is %v, want a number between 0 and 1", o.Clip)
	}
	return nil
}

// Weights gives the factor of every token's negative log-likelihood in the gradient of a group's loss, for each of its
// rewarded rollouts, given the log-probabilities of their tokens under the present weights.
//
// K2 (K1.5, arXiv 2501.12599, eq. 2 and 3; K2, arXiv 2507.20534, section 3.2.3) minimises
//
//	(1/K) sum_i ( r_i - mean r - tau log(pi(y_i)/pi_old(y_i)) )^2
//
// whose gradient, divided by 2 tau, is that of the log-likelihood with the factor -(r_i - mean r - tau log ratio)/K: the
// same for all tokens of a rollout, also where it is negative.
//
// GRPO (arXiv 2402.03300) maximises the mean over a rollout's tokens of min(ratio A, clip(ratio) A), A being the
// reward less the mean, divided by the standard deviation.
func (o Objective) Weights(rollouts []*Rollout, now [][]float64) [][]float64 {
	k := float64(len(rollouts))
	mean, variance := 0.0, 0.0
	for _, r := range rollouts {
		mean += r.Reward / k
	}
	for _, r := range rollouts {
		variance += (r.Reward - mean) * (r.Reward - mean) / k
	}
	weights := make([][]float64, len(rollouts))
	for i, r := range rollouts {
		advantage := r.Reward - mean
		weights[i] = make([]float64, len(now[i]))
		switch o.Kind {
		case K2:
			ratio := -r.LogProb()
			for _, p := range now[i] {
				ratio += p
			}
			for t := range weights[i] {
				weights[i][t] = (advantage - o.Tau*ratio) / k
			}
		case GRPO:
			if variance < 1e-20 { // equal rewards, but for rounding
				continue
			}
			advantage /= math.Sqrt(variance)
			t := 0
			for _, turn := range r.Turns {
				for _, old := range turn.LogProbs {
					ratio := math.Exp(now[i][t] - old)
					if advantage > 0 && ratio <= 1+o.Clip || advantage < 0 && ratio >= 1-o.Clip {
						weights[i][t] = advantage * ratio / (k * float64(len(now[i])))
					}
					t++
				}
			}
		}
	}
	return weights
}
