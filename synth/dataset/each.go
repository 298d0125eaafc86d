package dataset

import (
	"context"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Each reads all rows, works on them in parallel and takes the results in order. workers 0 means one for each
// processor. It holds the results of one part in memory.
func Each[T any](ctx context.Context, s *Set, workers int, work func(*Row) (T, error), take func(T) error) error {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	for i, p := range s.Manifest.Parts {
		dialogues, records, err := s.part(i)
		if err != nil {
			return err
		}
		results := make([]T, p.Rows)
		var next atomic.Int64
		group, ctx := errgroup.WithContext(ctx)
		for range workers {
			group.Go(func() error {
				for {
					k := int(next.Add(1)) - 1
					if k >= p.Rows || ctx.Err() != nil {
						return ctx.Err()
					}
					r, err := s.row(i, k, dialogues, records)
					if err != nil {
						return err
					}
					if results[k], err = work(r); err != nil {
						return err
					}
				}
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		for _, r := range results {
			if err := take(r); err != nil {
				return err
			}
		}
	}
	return nil
}
