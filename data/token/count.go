package token

import (
	"context"
	"iter"
	"unsafe"

	"golang.org/x/sync/errgroup"
)

// chunk is text of whole documents on its way to a worker.
type chunk struct {
	text []byte
	ends []int // end of each document
}

// chunkBytes is the size from which a chunk is handed over.
const chunkBytes = 1 << 20

// countWords counts the pre-tokens of all documents.
func countWords(ctx context.Context, o TrainOptions, split splitter, docs iter.Seq2[[]byte, error], progress *Progress) (*wordCount, error) {
	group, ctx := errgroup.WithContext(ctx)
	full, free := make(chan chunk, o.Workers), make(chan chunk, 2*o.Workers+1)
	for range cap(free) {
		free <- chunk{}
	}
	counts := make([]*wordCount, o.Workers)
	for i := range counts {
		counts[i] = newWordCount()
		group.Go(func() error {
			for c := range full {
				counts[i].addChunk(split, c)
				free <- chunk{c.text[:0], c.ends[:0]}
			}
			return nil
		})
	}
	group.Go(func() error {
		defer close(full)
		return fillChunks(ctx, o, docs, progress, full, free)
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := counts[0]
	for _, other := range counts[1:] {
		for w, n := range other.all() {
			all.add(keyOf(w, 0, len(w)), w, n)
		}
	}
	return all, nil
}

// fillChunks copies documents into free chunks and hands them over.
func fillChunks(ctx context.Context, o TrainOptions, docs iter.Seq2[[]byte, error], progress *Progress, full chan<- chunk, free chan chunk) error {
	c := <-free
	send := func() error {
		select {
		case full <- c:
		case <-ctx.Done():
			return ctx.Err()
		}
		o.Progress(*progress)
		select {
		case c = <-free:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for doc, err := range docs {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		c.text = append(c.text, doc...)
		c.ends = append(c.ends, len(c.text))
		progress.Documents++
		progress.Bytes += int64(len(doc))
		if len(c.text) >= chunkBytes {
			if err := send(); err != nil {
				return err
			}
		}
	}
	return send()
}

// addChunk counts the pre-tokens of a chunk.
func (w *wordCount) addChunk(split splitter, c chunk) {
	t := unicodeClasses()
	from := 0
	for _, end := range c.ends {
		s := unsafe.String(unsafe.SliceData(c.text[from:end]), end-from)
		for i := 0; i < len(s); {
			j := split(t, s, i)
			w.add(keyOf(s, i, j-i), s[i:j], 1)
			i = j
		}
		from = end
	}
}
