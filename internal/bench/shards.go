package bench

import (
	"fmt"
	"os"
	"path/filepath"

	"muonclip/data/batch"
	"muonclip/data/shard"
	"muonclip/internal/rng"
)

// randomShards writes documents of random ids, 32 to 2,047 long, until there are at least tokens of them, to a new
// folder below dir, and opens it.
func randomShards(dir string, vocab int, tokens int64, o shard.Options) (*shard.Reader, error) {
	dir, err := os.MkdirTemp(dir, "shards")
	if err != nil {
		return nil, fmt.Errorf("bench: folder for shards: %w", err)
	}
	dir = filepath.Join(dir, "data")
	w, err := shard.Create(dir, shard.WriterConfig{Source: "random", Split: "train", Tokenizer: "random", VocabSize: vocab, ShardTokens: 1 << 20})
	if err != nil {
		return nil, err
	}
	r := rng.New(1, "bench documents")
	var ids []int32
	for n, doc := int64(0), 0; n < tokens; doc++ {
		ids = ids[:0]
		for range 32 + r.IntN(2016) {
			ids = append(ids, r.Int32N(int32(vocab)))
		}
		if err := w.Add(fmt.Sprint(doc), ids); err != nil {
			return nil, err
		}
		n += int64(len(ids))
	}
	if _, err := w.Finish(nil); err != nil {
		return nil, err
	}
	return shard.Open(dir, o)
}

// loaderOf makes the loader that training uses over the shards, with every token in its own document.
func loaderOf(r *shard.Reader, vocab, rows, cols int) (*batch.Loader, error) {
	return batch.NewLoader([]batch.Source{{Name: "random", Documents: r}}, batch.Config{
		Seed: 1, Rows: rows, Cols: cols, Before: []int32{0}, After: []int32{1}, MaskDocuments: true, VocabSize: vocab,
	})
}
