package cpu

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"muonclip/internal/compute"
)

// Awake runs f while the other workers stay awake: parallel sections in f then begin in a fraction of
// a microsecond, where starting goroutines takes several. It pays where many short sections follow each
// other, as in a training step or the generation of one token. A worker without work for a millisecond sleeps until the
// next section.
func (b *Backend[T]) Awake(f func()) {
	if len(b.workers) == 1 || b.team != nil {
		f()
		return
	}
	t := &team[T]{wake: make(chan struct{}, len(b.workers))}
	var wg sync.WaitGroup
	for _, w := range b.workers[1:] {
		wg.Go(func() { t.help(w) })
	}
	b.team = t
	defer func() {
		b.team = nil
		t.over.Store(true)
		t.rouse()
		wg.Wait()
	}()
	f()
}

// team is the workers that stay awake.
type team[T compute.Float] struct {
	section atomic.Pointer[section[T]]
	over    atomic.Bool
	asleep  atomic.Int32
	wake    chan struct{}
}

// section is one call of For.
type section[T compute.Float] struct {
	f          func(w *Worker[T], i int)
	n          int64
	next, done atomic.Int64
}

// run is For with w as the caller's worker.
func (t *team[T]) run(w *Worker[T], n int, f func(w *Worker[T], i int)) {
	s := &section[T]{f: f, n: int64(n)}
	t.section.Store(s)
	t.rouse()
	s.work(w)
	for i := 0; s.done.Load() < s.n; i++ {
		relax(i)
	}
}

func (s *section[T]) work(w *Worker[T]) {
	for i := s.next.Add(1) - 1; i < s.n; i = s.next.Add(1) - 1 {
		s.f(w, int(i))
		s.done.Add(1)
	}
}

const (
	// spins is how often a waiting worker looks before it lets other goroutines run.
	spins = 1 << 10
	// patience is how long a worker waits for the next section before it sleeps.
	patience = time.Millisecond
)

// help takes part in every section until the team is over. It may miss one that ends before it looks.
func (t *team[T]) help(w *Worker[T]) {
	var last *section[T]
	var idle time.Time
	for i := 0; ; i++ {
		if s := t.section.Load(); s != last {
			s.work(w)
			last, i, idle = s, 0, time.Time{}
			continue
		}
		if t.over.Load() {
			return
		}
		relax(i)
		if i%spins != spins-1 {
			continue
		}
		switch now := time.Now(); {
		case idle.IsZero():
			idle = now
		case now.Sub(idle) > patience:
			t.asleep.Add(1)
			if t.section.Load() == last && !t.over.Load() { // nobody can have missed that we sleep
				<-t.wake
			}
			t.asleep.Add(-1)
			i, idle = 0, time.Time{}
		}
	}
}

// rouse wakes the workers that sleep.
func (t *team[T]) rouse() {
	for range t.asleep.Load() {
		select {
		case t.wake <- struct{}{}:
		default: // enough wakings are under way
		}
	}
}

// relax waits for a moment, and from time to time for another goroutine.
func relax(i int) {
	if i%spins == spins-1 {
		runtime.Gosched()
	}
}
