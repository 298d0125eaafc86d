// Package tasktest gives tests the repository of all domains, prepared once for each test program.
package tasktest

import (
	"sync"
	"testing"

	"muonclip/synth/task"
	"muonclip/synth/tool/tooltest"
)

var (
	mu    sync.Mutex
	pools = map[bool]*task.Pool{}
)

// Pool is the repository of all domains with the default mix of kinds.
func Pool(t testing.TB) *task.Pool { return pool(t, false) }

// Compact is the repository of all domains for short tasks.
func Compact(t testing.TB) *task.Pool { return pool(t, true) }

func pool(t testing.TB, compact bool) *task.Pool {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	if pools[compact] == nil {
		p, err := task.NewPool(tooltest.Sets(t), task.Config{Compact: compact})
		if err != nil {
			t.Fatal(err)
		}
		pools[compact] = p
	}
	return pools[compact]
}
