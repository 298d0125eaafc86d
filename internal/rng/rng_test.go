package rng

import "testing"

func TestKeysSelectStreams(t *testing.T) {
	first := func(seed uint64, purpose string, index ...uint64) uint64 {
		return New(seed, purpose, index...).Uint64()
	}
	base := first(1, "init", 2)
	if base != first(1, "init", 2) {
		t.Error("the same key gave two streams")
	}
	for name, other := range map[string]uint64{
		"seed": first(2, "init", 2), "purpose": first(1, "sample", 2), "index": first(1, "init", 3), "more indices": first(1, "init", 2, 0),
	} {
		if other == base {
			t.Errorf("another %s gave the same stream", name)
		}
	}
}
