package actor

import (
	"context"
	"sync"
	"testing"

	"muonclip/synth/domain"
	"muonclip/synth/env"
	"muonclip/synth/task"
	"muonclip/synth/tool"
)

var loadPool = sync.OnceValues(func() (*task.Pool, error) {
	ds, err := domain.Load()
	if err != nil {
		return nil, err
	}
	sets, err := tool.EvolveAll(context.Background(), ds, 0)
	if err != nil {
		return nil, err
	}
	return task.NewPool(sets, task.Config{})
})

func pool(t testing.TB) *task.Pool {
	t.Helper()
	p, err := loadPool()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// play runs the scripted dialogue of a key.
func play(t testing.TB, key task.Key) (*env.Trajectory, error) {
	t.Helper()
	x, err := pool(t).Sample(key)
	if err != nil {
		t.Fatal(err)
	}
	return Play(context.Background(), x)
}
