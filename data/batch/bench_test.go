package batch

import (
	"math/rand/v2"
	"testing"
)

// benchDocs is about a million tokens in documents of 32 to 2,047.
func benchDocs(seed uint64) *memDocs {
	r := rand.New(rand.NewPCG(seed, 1))
	var lengths []int
	for n := 0; n < 1<<20; {
		lengths = append(lengths, 32+r.IntN(2016))
		n += lengths[len(lengths)-1]
	}
	return numbered(2, lengths...)
}

// BenchmarkLoader makes batches of 8 x 256 tokens from one source and from a mixture of three, documents in memory. The rate
// is of the bytes that are written: input, target and document start of each token.
func BenchmarkLoader(b *testing.B) {
	one := []Source{{Name: "a", Documents: benchDocs(1)}}
	three := []Source{{Name: "a", Documents: benchDocs(1), Weight: 5}, {Name: "b", Documents: benchDocs(2), Weight: 3}, {Name: "c", Documents: benchDocs(3), Weight: 2}}
	for _, c := range []struct {
		name    string
		sources []Source
		mask    bool
	}{{"one", one, false}, {"one_masked", one, true}, {"mixture", three, true}} {
		b.Run(c.name, func(b *testing.B) {
			l, err := NewLoader(c.sources, Config{Seed: 1, Rows: 8, Cols: 256, Before: []int32{0}, After: []int32{1}, MaskDocuments: c.mask, VocabSize: 1 << 22})
			if err != nil {
				b.Fatal(err)
			}
			var into Batch
			b.SetBytes(8 * 256 * 12)
			for i := int64(0); b.Loop(); i++ {
				if err := l.At(i, &into); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
