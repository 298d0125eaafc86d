package cpu

import (
	"math"
	"runtime"
	"slices"
	"testing"

	"muonclip/internal/compute"
	"muonclip/internal/compute/computetest"
)

// TestThreadsDoNotMatter runs every operation on 1, 2, 3 and 5 threads and wants the same bits.
func TestThreadsDoNotMatter(t *testing.T) {
	for _, kern := range float32Tables() {
		t.Run("float32 "+kern.label(), func(t *testing.T) {
			threadsDoNotMatter(t, func(n int) *Backend[float32] { return backend(kern, n) })
		})
	}
	t.Run("float64", func(t *testing.T) { threadsDoNotMatter(t, New[float64]) })
}

func threadsDoNotMatter[T compute.Float](t *testing.T, build func(threads int) *Backend[T]) {
	for _, threads := range []int{2, 3, 5} {
		want := computetest.Ops(t, build(1))
		for i, op := range computetest.Ops(t, build(threads)) {
			want[i].Run()
			for range 2 { // the second time scratch memory is dirty
				op.Run()
				sameBits(t, op.Name, threads, op.Out, want[i].Out)
				if !slices.EqualFunc(op.Ints, want[i].Ints, slices.Equal) {
					t.Errorf("%s: other integers on %d threads", op.Name, threads)
				}
			}
		}
	}
}

func sameBits[T compute.Float](t *testing.T, name string, threads int, got, want [][]T) {
	t.Helper()
	for i := range want {
		for j := range want[i] {
			if g, w := got[i][j], want[i][j]; math.Float64bits(float64(g)) != math.Float64bits(float64(w)) {
				t.Fatalf("%s: output %d element %d is %g on %d threads, %g on one", name, i, j, g, threads, w)
			}
		}
	}
}

// TestFor runs every index once, whatever the number of threads and tasks.
func TestFor(t *testing.T) {
	for _, threads := range []int{1, 2, 7} {
		b := New[float32](threads)
		if b.Threads() != threads {
			t.Errorf("%d threads, want %d", b.Threads(), threads)
		}
		for _, n := range []int{0, 1, 2, 6, 7, 8, 1000} {
			runs := make([]int32, n)
			b.For(n, func(_ *Worker[float32], i int) { runs[i]++ })
			for i, r := range runs {
				if r != 1 {
					t.Errorf("%d threads: index %d of %d ran %d times", threads, i, n, r)
				}
			}
		}
	}
	if got := New[float64](0).Threads(); got != runtime.GOMAXPROCS(0) {
		t.Errorf("%d threads by default, want GOMAXPROCS", got)
	}
}

// TestSteadyStateAllocations: after a first run an operation takes no new buffers. What is left are
// closures and goroutines, some hundred bytes for each parallel section.
func TestSteadyStateAllocations(t *testing.T) {
	for _, threads := range []int{1, 2} {
		b := New[float32](threads)
		for _, w := range b.workers { // chance decides when each gets work and grows
			w.scratch, w.packA, w.packB = make([]float32, 1<<20), make([]float32, 1<<20), make([]float32, 1<<20)
			w.tile = make([]float32, 1<<10)
		}
		for _, op := range computetest.Ops(t, b) {
			op.Run()
			const runs = 10
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			allocs := testing.AllocsPerRun(runs, op.Run)
			runtime.ReadMemStats(&after)
			bytes := (after.TotalAlloc - before.TotalAlloc) / (runs + 1)
			t.Logf("%-28s %d threads: %3.0f allocations, %d bytes", op.Name, threads, allocs, bytes)
			if raceEnabled {
				continue
			}
			if allocs > 40 || bytes > 4096 {
				t.Errorf("%s on %d threads: %.0f allocations and %d bytes a run, want at most 40 and 4096", op.Name, threads, allocs, bytes)
			}
		}
	}
}
