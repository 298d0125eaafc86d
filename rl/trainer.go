package rl

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"muonclip/data/batch"
	"muonclip/internal/train"
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

// lessonWeight is the weight of the mean loss of the critic's lessons in a step.
const lessonWeight = 0.1

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

// prepare makes or reads the rollouts of an iteration.
func (t *Trainer) prepare(iteration, update int) error {
	print := train.Fingerprint(t.Model)
	stored, groups, pending, err := readIteration(t.Dir, iteration)
	if err == nil && (update > 0 || stored.Weights == print) {
		t.take(stored, groups, pending)
		return nil
	}
	if update > 0 {
		return fmt.Errorf("rl: the rollouts of iteration %d are missing, and the weights that wrote them are gone: remove the checkpoints after step %d: %w",
			iteration, iteration*t.Updates, err)
	}
	if err != nil && !errors.Is(err, errNoIteration) {
		t.Log.Warn("stored rollouts are damaged and are made again", "iteration", iteration, "error", err)
	}
	it := &Iteration{Iteration: iteration, Weights: print, Temperature: t.temperature(iteration)}
	if t.HeldOut != nil && t.EvalEvery > 0 && iteration%t.EvalEvery == 0 {
		begun := time.Now()
		if it.HeldOut, err = t.HeldOut.Evaluate(t.ctx, t.EvalEpisodes, t.Seed, 0); err != nil {
			return err
		}
		it.Seconds.Evaluation = time.Since(begun).Seconds()
	}
	begun := time.Now()
	all := t.pending
	it.Carried = len(all)
	chosen, err := t.choose(t.ctx, iteration, t.Prompts)
	if err != nil {
		return err
	}
	all = append(slices.Clone(all), chosen...)
	sampling := Sampling{Temperature: it.Temperature, TopP: t.TopP, Seed: t.Seed + uint64(iteration)<<32, Tokens: t.Tokens}
	var phases Phases
	groups = nil
	for len(groups) == 0 { // a budget too small for any group to end is spent again
		more, err := t.Collect(t.ctx, all, sampling)
		if err != nil {
			return err
		}
		phases.add(more)
		groups, pending = nil, nil
		for _, g := range all {
			if g.Finished() {
				groups = append(groups, g)
			} else {
				pending = append(pending, g)
			}
		}
	}
	it.Seconds.Collection = time.Since(begun).Seconds()
	begun = time.Now()
	if err := t.critique(t.ctx, it, groups); err != nil {
		return err
	}
	lessons, err := t.lessons(t.ctx, groups)
	if err != nil {
		return err
	}
	it.Lessons = len(lessons)
	it.Seconds.Critique = time.Since(begun).Seconds()
	it.describe(groups, phases)
	it.Pending = len(pending)
	if err := t.compare(it, groups); err != nil {
		return err
	}
	it.Buckets = observe(t.buckets, groups)
	it.Warnings = watch(t.past, it)
	if len(flatten(groups)) > 0 { // else it fails, and is made again once the cause is mended
		if err := writeIteration(t.Dir, it, groups, pending); err != nil {
			return err
		}
	}
	t.take(it, groups, pending)
	return nil
}

func (t *Trainer) take(it *Iteration, groups, pending []*Group) {
	t.now, t.groups, t.pending, t.buckets = it, groups, pending, it.Buckets
	if n := len(t.past); n > 0 && t.past[n-1].Iteration == it.Iteration { // Start has read it
		t.past = t.past[:n-1]
	}
	t.past = append(t.past, it)
	if t.OnIteration != nil {
		t.OnIteration(it)
	}
}

// temperature falls on a straight line from the first iteration to the last (K2, section 3.2.3: exploration early,
// stable outputs late).
func (t *Trainer) temperature(iteration int) float64 {
	if t.Iterations < 2 {
		return t.Temperature
	}
	return t.Temperature + (t.FinalTemperature-t.Temperature)*float64(iteration)/float64(t.Iterations-1)
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
	for i, r := range rollouts {
		k := 0
		for _, turn := range r.Turns {
			for _, p := range turn.LogProbs {
				d := math.Abs(now[i][k] - p)
				it.LogProbMax, sum = max(it.LogProbMax, d), sum+d
				k++
				n++
			}
		}
	}
	it.LogProbMean = sum / float64(n)
	it.Seconds.Comparison = time.Since(begun).Seconds()
	return nil
}

// logProbs computes the log-probabilities of the policy's tokens under the present weights, as the training pass does.
func (t *Trainer) logProbs(b *rows, rollouts []*Rollout) ([][]float64, error) {
	micro := t.MicroBatch
	if micro <= 0 {
		micro = b.Rows
	}
	losses := make([]float32, 0, b.Rows*b.Cols)
	for lo := 0; lo < b.Rows; lo += micro {
		if err := t.ctx.Err(); err != nil {
			return nil, err
		}
		from, to := lo*b.Cols, min(lo+micro, b.Rows)*b.Cols
		in := model.Input{Rows: (to - from) / b.Cols, Cols: b.Cols, IDs: b.Inputs[from:to], Targets: b.Targets[from:to], DocStart: b.DocStart[from:to]}
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

// addPTX appends rows of chosen data to a step.
func (t *Trainer) addPTX(index int64, dst *batch.Batch) error {
	if t.PTX == nil || t.PTXWeight == 0 {
		return nil
	}
	var b batch.Batch
	if err := t.PTX.At(index, &b); err != nil {
		return fmt.Errorf("rl: ptx: %w", err)
	}
	joined, err := t.join(*dst, b, t.PTXWeight)
	*dst = joined
	return err
}

// join appends rows whose mean loss counts weight.
func (t *Trainer) join(a, b batch.Batch, weight float64) (batch.Batch, error) {
	targets := 0
	for _, id := range b.Targets {
		if id >= 0 {
			targets++
		}
	}
	if targets == 0 {
		return a, nil
	}
	cols := max(a.Cols, b.Cols)
	if cols > t.Model.Config.MaxPositionEmbeddings {
		return a, fmt.Errorf("rl: rows of %d tokens are longer than max_position_embeddings %d: lower sft.seq_len", cols, t.Model.Config.MaxPositionEmbeddings)
	}
	out := batch.Batch{Rows: a.Rows + b.Rows, Cols: cols, Docs: append(slices.Clone(a.Docs), b.Docs...)}
	n := out.Rows * cols
	out.Inputs, out.Targets, out.DocStart, out.Weights = make([]int32, n), make([]int32, n), make([]int32, n), make([]float32, n)
	for i := range out.Targets {
		out.Targets[i] = -1
	}
	put := func(src batch.Batch, first int, weight func(i int) float32) {
		for r := range src.Rows {
			for c := range cols {
				to := (first+r)*cols + c
				if c >= src.Cols {
					out.DocStart[to] = int32(src.Cols)
					continue
				}
				from := r*src.Cols + c
				out.Inputs[to], out.Targets[to], out.DocStart[to], out.Weights[to] = src.Inputs[from], src.Targets[from], src.DocStart[from], weight(from)
			}
		}
	}
	put(a, 0, func(i int) float32 { return a.Weights[i] })
	put(b, a.Rows, func(int) float32 { return float32(weight / float64(targets)) })
	return out, nil
}

func ceil(a, b int) int { return (a + b - 1) / b }
