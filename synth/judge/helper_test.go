package judge

import (
	"context"
	"sync"
	"testing"

	"muonclip/synth"
	"muonclip/synth/actor"
	"muonclip/synth/env"
	"muonclip/synth/proof"
	"muonclip/synth/task"
)

var loadPool = sync.OnceValues(func() (*task.Pool, error) {
	sets, err := synth.Tools(context.Background(), 0, nil)
	if err != nil {
		return nil, err
	}
	return task.NewPool(sets, task.Config{})
})

// clean plays n scripted dialogues that pass all checks.
func clean(t testing.TB, seed uint64, n int) []*env.Trajectory {
	t.Helper()
	pool, err := loadPool()
	if err != nil {
		t.Fatal(err)
	}
	var out []*env.Trajectory
	var checker proof.Checker
	for i := uint64(0); len(out) < n && i < uint64(2*n+20); i++ {
		x, err := pool.Sample(task.Key{Seed: seed, Index: i})
		if err != nil {
			continue
		}
		tr, err := actor.Play(t.Context(), x)
		if err != nil || !checker.Prove(tr).OK() {
			continue
		}
		out = append(out, tr)
	}
	if len(out) < n {
		t.Fatalf("%d clean dialogues, want %d", len(out), n)
	}
	return out
}
