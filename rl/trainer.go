package rl

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"muonclip/data/batch"
	"muonclip/model"
)

// Trainer makes the batches of reinforcement learning from what the policy does. It is the data of a train.Loop:
// batch i belongs to iteration i / Updates, and the first one of an iteration collects its rollouts with the
// weights of that moment. They are stored, so that a run that was killed goes on with the same ones.
type Trainer struct {
	*Collector
	Model *model.Model[float32] // the one that the loop trains and the engine reads

	Dir     string // run folder
	Seed    uint64
	Shares  []Share
	Prompts int // groups begun in an iteration
	Samples int // rollouts of a group: K in the papers
	Updates int // optimizer steps of an iteration, each on its part of the groups

	Objective                     Objective
	Iterations                    int
	Temperature, FinalTemperature float64 // of the first and the last iteration, a straight line between
	TopP                          float64
	Tokens                        int // of the policy in an iteration, see Sampling; 0 means no limit
	MicroBatch                    int // rows of one pass

	// PTX mixes PTXRows rows of PTX into each step, whose mean loss counts PTXWeight (K2, section 3.2.3).
	PTX       batch.Batches
	PTXWeight float64

	Critique *Critique // nil for none

	// HeldOut, where set, is evaluated before every EvalEvery-th iteration on EvalEpisodes episodes of each arena.
	HeldOut                 *Collector
	EvalEvery, EvalEpisodes int

	OnIteration func(*Iteration)
	Log         *slog.Logger

	ctx     context.Context
	now     *Iteration // in progress
	groups  []*Group   // finished ones of the iteration in progress
	pending []*Group   // carried over to the next one
	buckets map[string]Bucket
	past    []*Iteration
}

// Start checks the options and takes over the iterations that are on disk up to a step. The context is that of all
// later calls.
func (t *Trainer) Start(ctx context.Context, step int) error {
	if err := t.Objective.Validate(); err != nil {
		return err
	}
	if t.Samples < 2 {
		return fmt.Errorf("rl: %d samples of a prompt: the baseline is the mean of the others, so it takes at least 2", t.Samples)
	}
	for _, s := range t.Shares {
		if t.Arenas[s.Arena] == nil {
			return fmt.Errorf("rl: there is no environment %q", s.Arena)
		}
	}
	t.ctx = ctx
	for i := range ceil(step, t.Updates) {
		it, _, pending, err := readIteration(t.Dir, i)
		if err != nil {
			return err
		}
		t.past, t.buckets, t.pending = append(t.past, it), it.Buckets, pending
	}
	return nil
}

// Past lists the iterations so far.
func (t *Trainer) Past() []*Iteration { return t.past }

// At makes the batch of a step with the weights of this moment. The steps come in their order; a step may come again.
func (t *Trainer) At(index int64, dst *batch.Batch) error {
	iteration, update := int(index)/t.Updates, int(index)%t.Updates
	if t.now == nil || t.now.Iteration != iteration {
		if err := t.prepare(iteration, update); err != nil {
			return err
		}
	}
	part := t.part(update)
	if len(part) == 0 {
		return fmt.Errorf("rl: iteration %d has no rollout with a reward: %s", iteration, t.now.firstError())
	}
	rollouts := flatten(part)
	b := lay(rollouts, t.cols(rollouts))
	var now [][]float64
	var err error
	if update == 0 && t.now.Carried == 0 {
		now = recorded(rollouts)
	} else if now, err = t.logProbs(b, rollouts); err != nil {
		return err
	}
	i := 0
	for _, g := range part {
		rewarded := g.Rewarded()
		if g.equal() { // what is left of its gradient is rounding, of which Muon would make a whole step
			i += len(rewarded)
			continue
		}
		for k, weights := range t.Objective.Weights(rewarded, now[i:i+len(rewarded)]) {
			b.each(i+k, rewarded[k], func(token, position int) { b.Weights[position] = float32(weights[token] / float64(len(part))) })
		}
		i += len(rewarded)
	}
	*dst = b.Batch
	lessons, err := t.lessons(t.ctx, part)
	if err != nil {
		return err
	}
	if len(lessons) > 0 {
		if *dst, err = t.join(*dst, lay(lessons, t.cols(lessons)).Batch, lessonWeight); err != nil {
			return err
		}
	}
	return t.addPTX(index, dst)
}

// part is the groups of one update. Those whose rewards are all equal teach nothing and are left out where there
// are others.
func (t *Trainer) part(update int) []*Group {
	var all, telling []*Group
	i := -1
	for _, g := range t.groups {
		if len(g.Rewarded()) == 0 {
			continue
		}
		if i++; i%t.Updates != update {
			continue
		}
		all = append(all, g)
		if !g.equal() {
			telling = append(telling, g)
		}
	}
	switch {
	case len(telling) > 0:
		return telling
	case len(all) == 0 && update > 0: // fewer groups have ended than there are updates
		return t.part(update - 1)
	}
	return all
}

// equal reports whether all rewards of a group are the same.
func (g *Group) equal() bool {
	rewarded := g.Rewarded()
	return !slices.ContainsFunc(rewarded, func(r *Rollout) bool { return r.Reward != rewarded[0].Reward })
}

func flatten(groups []*Group) []*Rollout {
	var out []*Rollout
	for _, g := range groups {
		out = append(out, g.Rewarded()...)
	}
	return out
}

// cols is the length of rows that holds every rollout.
func (t *Trainer) cols(rollouts []*Rollout) int {
	longest := 0
	for _, r := range rollouts {
		longest = max(longest, len(r.IDs)-1)
	}
	return min(max(ceil(longest, 64)*64, 256), max(t.context(), longest))
}

func ceil(a, b int) int { return (a + b - 1) / b }
