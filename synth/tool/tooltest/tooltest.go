// Package tooltest gives tests the tools of all domains, made once for each test program.
package tooltest

import (
	"context"
	"sync"
	"testing"

	"muonclip/synth/domain"
	"muonclip/synth/tool"
)

var load = sync.OnceValues(func() ([]*tool.Set, error) {
	ds, err := domain.Load()
	if err != nil {
		return nil, err
	}
	return tool.EvolveAll(context.Background(), ds, 0)
})

// Sets are the tools of all embedded domains with seed 0; do not modify.
func Sets(t testing.TB) []*tool.Set {
	t.Helper()
	sets, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return sets
}
