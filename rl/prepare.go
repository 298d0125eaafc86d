package rl

import (
	"errors"
	"fmt"
	"muonclip/internal/train"
	"slices"
	"time"
)

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
