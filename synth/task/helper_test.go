package task

import (
	"context"
	"sync"
	"testing"

	"muonclip/synth/domain"
	"muonclip/synth/tool"
)

var loadSets = sync.OnceValues(func() ([]*tool.Set, error) {
	ds, err := domain.Load()
	if err != nil {
		return nil, err
	}
	return tool.EvolveAll(context.Background(), ds, 0)
})

// pool is the repository of all domains, from which tasks of the given kinds are drawn.
func pool(t testing.TB, kinds ...Kind) *Pool {
	t.Helper()
	sets, err := loadSets()
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{}
	for _, k := range kinds {
		if cfg.Weights == nil {
			cfg.Weights = map[Kind]int{}
		}
		cfg.Weights[k] = 1
	}
	p, err := NewPool(sets, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
