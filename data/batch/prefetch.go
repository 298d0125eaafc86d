package batch

import (
	"context"
	"fmt"
	"io"
	"sync"
)

// Batches gives batches by number; Loader and HeldOut do.
type Batches interface {
	At(step int64, dst *Batch) error
}

// PrefetchConfig says how far to run ahead.
type PrefetchConfig struct {
	First   int64 // number of the first batch
	End     int64 // the batch before which Next returns io.EOF; 0 means never
	Depth   int   // batches that are ready or in the making at once; 0 means 4
	Workers int   // goroutines that make them; 0 means 1
}

// Prefetcher makes batches ahead of their use in goroutines and hands them out in order, which does
// not depend on the number of workers. Next and Close belong to one goroutine.
type Prefetcher struct {
	end    int64
	next   int64 // number of the batch to be given to a worker
	ring   []job
	head   int  // job that Next returns next
	held   bool // the job before head is with the caller
	work   chan *job
	stop   chan struct{}
	wg     sync.WaitGroup
	closed bool
}

// job is one batch on its way; its memory is used again for a later one.
type job struct {
	step  int64
	batch Batch
	err   error
	done  chan struct{} // holds one value when the batch is ready
}

// NewPrefetcher starts the workers. Close must be called in the end.
func NewPrefetcher(src Batches, cfg PrefetchConfig) (*Prefetcher, error) {
	if cfg.First < 0 || cfg.Depth < 0 || cfg.Workers < 0 || cfg.End < 0 {
		return nil, fmt.Errorf("batch: prefetch %+v: want no negative number", cfg)
	}
	if cfg.Depth == 0 {
		cfg.Depth = 4
	}
	// One more than asked for, because the batch that the caller holds is not being prefetched.
	n := cfg.Depth + 1
	p := &Prefetcher{end: cfg.End, next: cfg.First, ring: make([]job, n), work: make(chan *job, n), stop: make(chan struct{})}
	for i := range p.ring {
		p.ring[i].done = make(chan struct{}, 1)
		p.submit(&p.ring[i])
	}
	for range max(cfg.Workers, 1) {
		p.wg.Go(func() { p.run(src) })
	}
	return p, nil
}

// submit gives a job the next number. There is always room for it: the ring is not larger.
func (p *Prefetcher) submit(j *job) {
	j.step, j.err = p.next, nil
	p.next++
	if p.end > 0 && j.step >= p.end {
		j.err = io.EOF
		j.done <- struct{}{}
		return
	}
	p.work <- j
}

func (p *Prefetcher) run(src Batches) {
	for {
		select {
		case <-p.stop:
			return
		case j := <-p.work:
			j.err = src.At(j.step, &j.batch)
			j.done <- struct{}{}
		}
	}
}

// Next returns the next batch and its number. The batch belongs to the caller until the following
// call of Next or Close. It returns io.EOF at the end, the error of the batch where making it failed,
// and ctx.Err() when ctx ends first; then the same batch comes again at the next call.
func (p *Prefetcher) Next(ctx context.Context) (*Batch, int64, error) {
	if p.closed {
		return nil, 0, fmt.Errorf("batch: Next after Close")
	}
	if p.held {
		p.submit(&p.ring[(p.head+len(p.ring)-1)%len(p.ring)])
		p.held = false
	}
	j := &p.ring[p.head]
	select {
	case <-j.done:
	case <-ctx.Done():
		return nil, j.step, ctx.Err()
	}
	p.head = (p.head + 1) % len(p.ring)
	p.held = true
	if j.err != nil {
		return nil, j.step, j.err
	}
	return &j.batch, j.step, nil
}

// Close stops the workers and waits for them. It may be called again.
func (p *Prefetcher) Close() {
	if p.closed {
		return
	}
	p.closed = true
	close(p.stop)
	p.wg.Wait()
}
