// Package cpu is the compute backend of the machine's own processor: tiled kernels in Go with
// assembly for amd64 where the processor has AVX2 or AVX-512, and plain Go everywhere else.
package cpu

import (
	"runtime"
	"sync"
	"sync/atomic"

	"muonclip/internal/compute"
)

// Backend runs kernels on a number of goroutines. Work is split over output elements only, so a
// result has the same bits for every number of threads. It is used by one goroutine at a time.
type Backend[T compute.Float] struct {
	kern    kernels[T]
	workers []*Worker[T]
	packed  []T // partial sums of the current reduction
	tasks   []groupTask
	team    *team[T] // within Awake
	slab    slab
}

var (
	_ compute.Backend[float32] = (*Backend[float32])(nil)
	_ compute.Backend[float64] = (*Backend[float64])(nil)
)

// New returns a backend of the given number of threads; zero or less means GOMAXPROCS.
func New[T compute.Float](threads int) *Backend[T] {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	b := &Backend[T]{kern: kernelsFor[T]()}
	for range threads {
		b.workers = append(b.workers, newWorker(&b.kern))
	}
	return b
}

// Threads is the number of goroutines that share the work.
func (b *Backend[T]) Threads() int { return len(b.workers) }

// Kernels names the instruction set in use: avx512+amx, avx512, avx2 or go.
func (b *Backend[T]) Kernels() string { return b.kern.label() }

// Alloc returns n zeroed elements.
func (b *Backend[T]) Alloc(n int) []T { return make([]T, n) }

// Worker is one goroutine's share of a backend: its kernels and its scratch memory.
type Worker[T compute.Float] struct {
	kern    *kernels[T]
	packA   []T
	packB   []T
	amx     *amxBuffers[T] // nil where there is no AMX
	tile    []T
	scratch []T
}

// For runs f for every i below n, once each. Which worker gets which i is left to chance, so
// f must write only what belongs to i.
func (b *Backend[T]) For(n int, f func(w *Worker[T], i int)) {
	helpers := min(len(b.workers), n) - 1
	if helpers < 1 {
		for i := range n {
			f(b.workers[0], i)
		}
		return
	}
	if b.team != nil {
		b.team.run(b.workers[0], n, f)
		return
	}
	var next atomic.Int64
	run := func(w *Worker[T]) {
		for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
			f(w, int(i))
		}
	}
	var wg sync.WaitGroup
	for _, w := range b.workers[1 : 1+helpers] {
		wg.Go(func() { run(w) })
	}
	run(b.workers[0])
	wg.Wait()
}

// chunks runs f over [0, n) in ranges of size elements; the cut does not depend on the threads.
func (b *Backend[T]) chunks(n, size int, f func(w *Worker[T], lo, hi int)) {
	b.For((n+size-1)/size, func(w *Worker[T], i int) { f(w, i*size, min((i+1)*size, n)) })
}

// grow returns s with length n, reallocated only where its capacity is too small, and then with a quarter to spare, since
// lengths that follow the routing of tokens creep up. Contents are undefined.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/4)
	}
	return s[:n]
}
