package batch

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// memDocs is tokenized text in memory.
type memDocs struct {
	ids    []int32
	starts []int64
}

func newMemDocs(docs ...[]int32) *memDocs {
	m := &memDocs{starts: []int64{0}}
	for _, d := range docs {
		m.ids = append(m.ids, d...)
		m.starts = append(m.starts, int64(len(m.ids)))
	}
	return m
}

func (m *memDocs) NumDocs() int64   { return int64(len(m.starts) - 1) }
func (m *memDocs) NumTokens() int64 { return int64(len(m.ids)) }

func (m *memDocs) DocRange(doc int64) (start, end int64, err error) {
	return m.starts[doc], m.starts[doc+1], nil
}

func (m *memDocs) ReadTokens(dst []int32, start int64) error {
	if copy(dst, m.ids[start:]) != len(dst) {
		return errors.New("past the end")
	}
	return nil
}

// doc returns the tokens of a document.
func (m *memDocs) doc(i int64) []int32 { return m.ids[m.starts[i]:m.starts[i+1]] }

// numbered makes documents of the given lengths whose tokens are first, first+1, ... so that each
// token tells where it comes from.
func numbered(first int32, lengths ...int) *memDocs {
	var docs [][]int32
	for _, n := range lengths {
		d := make([]int32, n)
		for i := range d {
			d[i] = first
			first++
		}
		docs = append(docs, d)
	}
	return newMemDocs(docs...)
}

// lengths draws document lengths with a total of at least need tokens.
func lengths(rt *rapid.T, need int) []int {
	out := rapid.SliceOfN(rapid.IntRange(0, 12), 1, 9).Draw(rt, "lengths")
	sum := 0
	for _, n := range out {
		sum += n
	}
	return append(out, max(need-sum, 1))
}

func source(name string, d Documents, weight float64) Source {
	return Source{Name: name, Documents: d, Weight: weight}
}

func randomText(n, maxLen, vocab int, seed uint64) *memDocs {
	rng := rand.New(rand.NewPCG(seed, 2))
	var docs [][]int32
	for range n {
		d := make([]int32, 1+rng.IntN(maxLen))
		for i := range d {
			d[i] = int32(rng.IntN(vocab))
		}
		docs = append(docs, d)
	}
	return newMemDocs(docs...)
}

func mustLoader(t testing.TB, cfg Config, sources ...Source) *Loader {
	t.Helper()
	l, err := NewLoader(sources, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func mustAt(t testing.TB, b Batches, step int64) Batch {
	t.Helper()
	var out Batch
	if err := b.At(step, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// wantError checks the sentinel (nil for none) and that the message says all parts.
func wantError(t testing.TB, err, sentinel error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one that says %q", parts)
		return
	}
	if sentinel != nil && !errors.Is(err, sentinel) {
		t.Errorf("error %q is not %v", err, sentinel)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}

// row returns one row of a matrix of a batch.
func row(b Batch, s []int32, r int) []int32 { return s[r*b.Cols : (r+1)*b.Cols] }

func stepName(i int64) string { return fmt.Sprintf("batch %d", i) }
