package shard

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
)

// BenchmarkReader reads what a batch needs, 257 tokens from anywhere, with the shards in memory and from their files, and
// opens a folder, which checks every byte and every id. Rates are of token ids of four bytes.
func BenchmarkReader(b *testing.B) {
	const vocab, window = 4096, 257
	dir := filepath.Join(b.TempDir(), "data")
	w, err := Create(dir, WriterConfig{Source: "random", Split: "train", Tokenizer: "random", VocabSize: vocab, ShardTokens: 1 << 19})
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	var ids []int32
	for n, doc := 0, 0; n < 1<<20; doc++ {
		ids = ids[:0]
		for range 32 + r.IntN(2016) {
			ids = append(ids, r.Int32N(vocab))
		}
		if err := w.Add(fmt.Sprint(doc), ids); err != nil {
			b.Fatal(err)
		}
		n += len(ids)
	}
	if _, err := w.Finish(nil); err != nil {
		b.Fatal(err)
	}
	open := func(o Options) *Reader {
		b.Helper()
		in, err := Open(dir, o)
		if err != nil {
			b.Fatal(err)
		}
		return in
	}
	for _, c := range []struct {
		name string
		o    Options
	}{{"memory", Options{}}, {"file", Options{ResidentBytes: -1}}} {
		b.Run(c.name, func(b *testing.B) {
			in := open(c.o)
			defer in.Close()
			dst, span := make([]int32, window), uint64(in.NumTokens()-window)
			b.SetBytes(4 * window)
			for i := uint64(0); b.Loop(); i++ {
				if err := in.ReadTokens(dst, int64(i*2654435761%span)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("open", func(b *testing.B) {
		tokens := int64(0)
		for b.Loop() {
			in := open(Options{})
			tokens = in.NumTokens()
			if err := in.Close(); err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(4 * tokens)
	})
}
