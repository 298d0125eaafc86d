package stage

import (
	"context"

	"muonclip/data/batch"
)

// feed runs ahead of the training loop: the batch after the one asked for is made while the model
// works on this one. A jump, as after a rollback, starts anew.
type feed struct {
	src   *batch.Loader
	ahead *batch.Prefetcher
	next  int64 // number of the batch that ahead gives next; -1 for none
}

// At gives batch index in dst, whose memory belongs to the feed until the next call.
func (f *feed) At(index int64, dst *batch.Batch) error {
	if index != f.next {
		f.close()
		p, err := batch.NewPrefetcher(f.src, batch.PrefetchConfig{First: index, Depth: 2})
		if err != nil {
			return err
		}
		f.ahead = p
	}
	b, n, err := f.ahead.Next(context.Background())
	if err != nil {
		return err
	}
	*dst, f.next = *b, n+1
	return nil
}

func (f *feed) close() {
	if f.ahead != nil {
		f.ahead.Close()
		f.ahead = nil
	}
}
