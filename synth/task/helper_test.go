package task

import (
	"testing"

	"muonclip/synth/tool/tooltest"
)

// pool is the repository of all domains, from which tasks of the given kinds are drawn.
func pool(t testing.TB, kinds ...Kind) *Pool {
	t.Helper()
	cfg := Config{}
	for _, k := range kinds {
		if cfg.Weights == nil {
			cfg.Weights = map[Kind]int{}
		}
		cfg.Weights[k] = 1
	}
	p, err := NewPool(tooltest.Sets(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
