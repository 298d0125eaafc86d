package rl

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"muonclip/data/batch"
	"muonclip/rl/env"
	"muonclip/rl/reward"
)

// bad are the episodes of the first prompt: all of its candidates.
func bad(key env.Key) bool { return key.Index < candidates }

// TestHazards lets an environment hang, panic and measure nonsense in the episode of the first of two prompts: its rollouts
// have no reward and say why, the others go on, and what wakes up too late changes nothing.
func TestHazards(t *testing.T) {
	for _, c := range []struct {
		call, kind, says string
	}{
		{"reset", "hang", "did not answer in time"},
		{"step", "hang", "did not answer in time"},
		{"score", "hang", "did not answer in time"},
		{"reset", "panic", "panicked: boo"},
		{"info", "panic", "panicked: boo"},
		{"step", "panic", "panicked: boo"},
		{"score", "panic", "panicked: boo"},
		{"score", "NaN", "correct is NaN"},
		{"score", "2", "correct is 2"},
	} {
		t.Run(c.call+" "+c.kind, func(t *testing.T) {
			wake := make(chan struct{})
			var asleep sync.WaitGroup
			e := hooked{copycat: copycat{turns: 2}}
			var mu sync.Mutex
			chosen := false // the episodes have been looked at: only then Info may panic, as choose has no rollout to blame
			e.before = func(call string, key env.Key) {
				mu.Lock()
				defer mu.Unlock()
				if call != c.call || !bad(key) || call == "info" && !chosen {
					return
				}
				switch c.kind {
				case "hang":
					asleep.Add(1)
					defer asleep.Done()
					mu.Unlock()
					<-wake // not even its context wakes it
					mu.Lock()
				case "panic":
					panic("boo")
				}
			}
			l := newLearner(t, e, t.TempDir())
			l.talk(t)
			l.trainer.Prompts, l.trainer.Samples, l.trainer.EnvTimeout = 2, 6, 300*time.Millisecond
			if c.kind == "NaN" || c.kind == "2" {
				nonsense := map[string]float64{"NaN": math.NaN(), "2": 2}[c.kind]
				l.trainer.Arenas["copycat"].Environment = badValue{e, nonsense}
			}
			if c.call == "info" {
				groups, err := l.trainer.choose(t.Context(), 0, 2)
				if err != nil {
					t.Fatal(err)
				}
				chosen = true
				if _, err := l.trainer.Collect(t.Context(), groups, Sampling{Temperature: 1}); err != nil {
					t.Fatal(err)
				}
				l.trainer.groups = groups
			} else {
				l.iteration(t)
			}
			before, err := json.Marshal(l.trainer.groups)
			if err != nil {
				t.Fatal(err)
			}
			failed, fine := 0, 0
			for _, g := range l.trainer.groups {
				for _, r := range g.Rollouts {
					switch {
					case r.Error == "":
						fine++
					case !strings.Contains(r.Error, reward.ErrUnavailable.Error()) || r.Reward != 0 || len(r.Components) > 0:
						t.Errorf("%+v", r)
					}
					if !bad(g.Key) || c.call == "step" && (len(r.Turns) == 0 || !r.Turns[0].Ended) {
						continue // nothing happened to it
					}
					failed++
					if !strings.Contains(r.Error, c.says) {
						t.Errorf("error %q does not say %q", r.Error, c.says)
					}
				}
			}
			if failed == 0 || fine == 0 {
				t.Errorf("%d rollouts failed and %d did not: want some of both", failed, fine)
			}
			close(wake)
			asleep.Wait()
			after, err := json.Marshal(l.trainer.groups)
			if err != nil {
				t.Fatal(err)
			}
			if string(after) != string(before) {
				t.Error("an answer that came too late changed the rollouts")
			}
			if c.call == "info" {
				return
			}
			its, err := ReadIterations(l.trainer.Dir)
			if err != nil || len(its) != 1 || its[0].Unavailable < failed {
				t.Errorf("%d stored iterations, error %v, %d rollouts failed", len(its), err, failed)
			}
		})
	}
}

// badValue measures nonsense in the episodes of the first prompt.
type badValue struct {
	hooked
	nonsense float64
}

func (b badValue) Reset(ctx context.Context, key env.Key) (env.Episode, error) {
	h := b.hooked
	if bad(key) {
		h.value = func(_, _ []string) float64 { return b.nonsense }
	}
	return h.Reset(ctx, key)
}

// TestNoRewardAtAll wants an error that names the most frequent reason, and nothing stored, so that the run goes on once
// the cause is mended.
func TestNoRewardAtAll(t *testing.T) {
	broken := true
	e := hooked{before: func(call string, key env.Key) {
		if call != "score" || !broken {
			return
		}
		if bad(key) {
			panic("rare")
		}
		panic("common")
	}}
	dir := t.TempDir()
	l := newLearner(t, e, dir)
	l.trainer.Prompts, l.trainer.Samples = 4, 4
	if err := l.trainer.Start(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	var b batch.Batch
	err := l.trainer.At(0, &b)
	if err == nil || !strings.Contains(err.Error(), "common") || !strings.Contains(err.Error(), "iteration 0 has no rollout with a reward") {
		t.Fatalf("error %v, want the most frequent reason", err)
	}
	if _, err := os.Stat(iterationPath(dir, 0)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an iteration without a reward is stored: %v", err)
	}
	broken = false
	l = newLearner(t, e, dir)
	l.trainer.Prompts, l.trainer.Samples = 4, 4
	l.iteration(t)
}

// TestFailedGroupsLeaveTheOthers has one group of two fail: both updates of the iteration learn from the other.
func TestFailedGroupsLeaveTheOthers(t *testing.T) {
	l := newLearner(t, hooked{before: func(call string, key env.Key) {
		if call == "score" && bad(key) {
			panic("boo")
		}
	}}, t.TempDir())
	l.talk(t)
	l.trainer.Prompts = 2
	first := l.iteration(t)
	var second batch.Batch
	if err := l.trainer.At(1, &second); err != nil {
		t.Fatal(err)
	}
	for i, b := range []batch.Batch{first, second} {
		for _, d := range b.Docs {
			if bad(env.Key{Index: uint64(d.Doc)}) {
				t.Errorf("update %d learns from a rollout without a reward", i)
			}
		}
		if len(b.Docs) != l.trainer.Samples {
			t.Errorf("update %d learns from %d rollouts, want %d", i, len(b.Docs), l.trainer.Samples)
		}
	}
}

// TestUnreadableOpening gives the model ids that it does not have: an error, no panic.
func TestUnreadableOpening(t *testing.T) {
	l := newLearner(t, copycat{}, t.TempDir())
	groups := []*Group{{Env: "copycat", Rollouts: []*Rollout{{Env: "copycat", IDs: []int32{1, 9999}, Turns: []Turn{{Start: 2}}}}}}
	if _, err := l.trainer.Collect(t.Context(), groups, Sampling{}); err == nil || !strings.Contains(err.Error(), "9999") {
		t.Errorf("error %v, want one about the id 9999", err)
	}
}
