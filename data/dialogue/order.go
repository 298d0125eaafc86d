package dialogue

import (
	"context"
	"iter"

	"golang.org/x/sync/errgroup"
)

// job is an item on its way through a worker.
type job[In, Out any] struct {
	in   In
	err  error
	out  Out
	done chan error // has one value when out is ready
}

// inOrder passes the elements of a sequence through work in several goroutines and gives the results to take in the order of
// the sequence. The first error of work, in that order, or of take ends it. The sequence runs in a goroutine of its own.
func inOrder[In, Out any](ctx context.Context, workers int, seq iter.Seq2[In, error], work func(In, error) (Out, error), take func(Out) error) error {
	group, ctx := errgroup.WithContext(ctx)
	todo := make(chan *job[In, Out])
	queue := make(chan *job[In, Out], 16*workers)
	group.Go(func() error {
		defer close(todo)
		defer close(queue)
		for in, err := range seq {
			j := &job[In, Out]{in: in, err: err, done: make(chan error, 1)}
			for _, to := range []chan *job[In, Out]{queue, todo} {
				select {
				case to <- j:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
		return nil
	})
	for range workers {
		group.Go(func() error {
			for j := range todo {
				out, err := work(j.in, j.err)
				j.out = out
				j.done <- err
			}
			return nil
		})
	}
	group.Go(func() error {
		for j := range queue {
			select {
			case err := <-j.done:
				if err != nil {
					return err
				}
			case <-ctx.Done():
				return ctx.Err()
			}
			if err := take(j.out); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	return group.Wait()
}
