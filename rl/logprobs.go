package rl

import (
	"fmt"
	"math"
	"muonclip/internal/train"
	"slices"
	"time"
)

// recorded is the log-probabilities of rollouts under the weights that wrote them. These are the present ones in the first
// update of an iteration, where computing them again would give the same, as compare shows on a part.
func recorded(rollouts []*Rollout) [][]float64 {
	out := make([][]float64, len(rollouts))
	for i, r := range rollouts {
		for _, turn := range r.Turns {
			out[i] = append(out[i], turn.LogProbs...)
		}
	}
	return out
}

// comparedRollouts is the number of rollouts, about, whose log-probabilities are computed again in each iteration.
const comparedRollouts = 64

// compare measures how far the log-probabilities that the trainer computes are from those recorded, on the first rollouts
// of the iteration that the present weights wrote from beginning to end.
func (t *Trainer) compare(it *Iteration, groups []*Group) error {
	var rollouts []*Rollout
	for i, g := range groups {
		if i%t.Updates == 0 && !slices.Contains(t.pending, g) && len(rollouts) < comparedRollouts {
			rollouts = append(rollouts, g.Rewarded()...)
		}
	}
	if len(rollouts) == 0 {
		return nil
	}
	begun := time.Now()
	b := lay(rollouts, t.cols(rollouts))
	now, err := t.logProbs(b, rollouts)
	if err != nil {
		return err
	}
	sum, n := 0.0, 0
	for i, wrote := range recorded(rollouts) {
		for k, p := range wrote {
			d := math.Abs(now[i][k] - p)
			it.LogProbMax, sum = max(it.LogProbMax, d), sum+d
		}
		n += len(wrote)
	}
	it.LogProbMean = sum / float64(n)
	it.Seconds.Comparison = time.Since(begun).Seconds()
	return nil
}

// logProbs computes the log-probabilities of the policy's tokens under the present weights, as the training pass does.
func (t *Trainer) logProbs(b *rows, rollouts []*Rollout) ([][]float64, error) {
	losses := make([]float32, 0, b.Rows*b.Cols)
	for _, in := range train.MicroBatches(&b.Batch, t.MicroBatch) {
		if err := t.ctx.Err(); err != nil {
			return nil, err
		}
		if err := t.Model.Check(in); err != nil {
			return nil, fmt.Errorf("rl: %w", err)
		}
		losses = append(losses, t.Model.Losses(in)...)
	}
	now := make([][]float64, len(rollouts))
	for i, r := range rollouts {
		now[i] = make([]float64, r.Tokens())
		b.each(i, r, func(token, position int) { now[i][token] = -float64(losses[position]) })
	}
	return now, nil
}
