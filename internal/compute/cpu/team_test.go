package cpu

import (
	"testing"
	"time"
)

// TestAwake runs sections that follow each other closely, some after workers have gone to sleep, and
// nests them.
func TestAwake(t *testing.T) {
	for _, threads := range []int{1, 2, 5} {
		b := New[float32](threads)
		runs := make([]int32, 300)
		for range 3 {
			b.Awake(func() {
				for i := range 200 {
					if i == 100 {
						time.Sleep(3 * patience)
					}
					clear(runs)
					n := 1 + i*7%len(runs)
					b.Awake(func() { b.For(n, func(_ *Worker[float32], i int) { runs[i]++ }) })
					for j, r := range runs {
						if j < n && r != 1 || j >= n && r != 0 {
							t.Fatalf("%d threads: index %d of %d ran %d times", threads, j, n, r)
						}
					}
				}
			})
			if b.team != nil {
				t.Fatal("the team outlives Awake")
			}
		}
	}
}
