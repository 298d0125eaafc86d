package rl

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/internal/train"
	"muonclip/rl/env"
	"muonclip/rl/reward"
)

// TestRewardRises trains a random model.
func TestRewardRises(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for some seconds; not with -short")
	}
	l := newLearner(t, copycat{}, t.TempDir())
	l.trainer.Samples, l.trainer.Iterations = 16, 40
	if err := l.learn(t.Context(), 40); err != nil {
		t.Fatal(err)
	}
	past := l.trainer.Past()
	if len(past) != 40 {
		t.Fatalf("%d iterations, want 40", len(past))
	}
	first, last := 0.0, 0.0
	for i := range 5 {
		first += past[i].Reward / 5
		last += past[len(past)-1-i].Reward / 5
	}
	t.Logf("mean reward %.3f in the first 5 iterations, %.3f in the last 5", first, last)
	if last < first+0.1 {
		t.Errorf("the mean reward went from %.3f to %.3f", first, last)
	}
	for _, it := range past {
		if it.LogProbMax > 1e-4 {
			t.Errorf("iteration %d: log-probabilities differ by up to %.2g", it.Iteration, it.LogProbMax)
		}
	}
}

// TestResumeIsExact interrupts a run in the middle of an iteration and between two, with rollouts that are carried
// over, and compares the end with that of a run that was left alone.
func TestResumeIsExact(t *testing.T) {
	run := func(dir string, stops ...int) map[string][]byte {
		for _, steps := range append(stops, 8) {
			l := newLearner(t, copycat{turns: 2}, dir)
			l.trainer.Tokens, l.trainer.MaxBatch = 600, 24
			loop, err := l.loop(dir, 4)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			loop.OnRow = nil
			if err := l.trainer.Start(ctx, loop.Done()); err != nil {
				t.Fatal(err)
			}
			left := steps - loop.Done()
			l.trainer.OnIteration = nil
			loop.Options.Steps = loop.Done() + left
			if err := loop.Run(ctx); err != nil {
				t.Fatal(err)
			}
			cancel()
		}
		files := map[string][]byte{}
		newest, err := filepath.Glob(filepath.Join(dir, "checkpoints", "step-*8", "*"))
		if err != nil || len(newest) == 0 {
			t.Fatalf("no checkpoint of step 8: %v", err)
		}
		for _, path := range newest {
			if filepath.Base(path) == "clock.json" {
				continue
			}
			if files[filepath.Base(path)], err = os.ReadFile(path); err != nil {
				t.Fatal(err)
			}
		}
		carried := 0
		its, err := ReadIterations(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range its {
			carried += it.Carried
		}
		if carried == 0 {
			t.Error("no rollout was carried over, so that is not tested")
		}
		return files
	}
	want := run(t.TempDir())
	got := run(t.TempDir(), 3, 4)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the checkpoints differ after a resume: %d files", len(want))
	}
}

// TestFailuresAreNoZeros lists what can go wrong beside the policy: none of it is a reward of zero.
func TestFailuresAreNoZeros(t *testing.T) {
	failing := errors.New("the judge did not answer")
	for name, c := range map[string]struct {
		env     env.Environment
		errors  int // groups of 8 with errors at least
		message string
	}{
		"a judge that fails": {copycat{broken: func(k env.Key) error {
			if k.Index%3 == 0 {
				return fmt.Errorf("%w: %w", failing, reward.ErrUnavailable)
			}
			return nil
		}}, 1, "the judge did not answer"},
		"an opening longer than the context": {copycat{opening: string(make([]byte, 600))}, 8, "the model reads 256"},
	} {
		l := newLearner(t, c.env, t.TempDir())
		if err := l.trainer.Start(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		groups, err := l.trainer.choose(t.Context(), 0, 8)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.trainer.Collect(t.Context(), groups, Sampling{Temperature: 1}); err != nil {
			t.Fatal(err)
		}
		failed := 0
		for _, g := range groups {
			for _, r := range g.Rollouts {
				if r.Error == "" {
					continue
				}
				failed++
				if !strings.Contains(r.Error, c.message) || r.Reward != 0 || len(g.Rewarded()) == len(g.Rollouts) {
					t.Errorf("%s: %+v", name, r)
				}
			}
		}
		if failed < c.errors*l.trainer.Samples {
			t.Errorf("%s: only %d rollouts failed", name, failed)
		}
	}
}

// TestInterruptedCollection ends a run while rollouts are collected: the checkpoint of the last step is there and
// nothing half-done is stored.
func TestInterruptedCollection(t *testing.T) {
	dir := t.TempDir()
	l := newLearner(t, copycat{}, dir)
	ctx, cancel := context.WithCancel(t.Context())
	var calls atomic.Int64 // scores are taken at the same time
	l.trainer.Arenas["copycat"].Environment = copycat{broken: func(env.Key) error {
		if calls.Add(1) > 80 { // in the second iteration
			cancel()
		}
		return nil
	}}
	l.trainer.MaxBatch = 8
	if err := l.learn(ctx, 6); !errors.Is(err, train.ErrInterrupted) {
		t.Fatalf("error %v, want ErrInterrupted", err)
	}
	its, err := ReadIterations(dir)
	if err != nil || len(its) != 1 {
		t.Fatalf("%d stored iterations, error %v; want 1", len(its), err)
	}
}

func TestWilson(t *testing.T) {
	r := NewRate(8, 10) // 0.4902 to 0.9433 by Wilson's formula
	if math.Abs(r.Low-0.4902) > 5e-4 || math.Abs(r.High-0.9433) > 5e-4 {
		t.Errorf("interval of 8 in 10 is %.4f to %.4f", r.Low, r.High)
	}
	if r := NewRate(0, 0); r.Low != 0 || r.High != 1 {
		t.Errorf("interval of nothing is %v to %v", r.Low, r.High)
	}
}
