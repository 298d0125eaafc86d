package pack

import (
	"fmt"

	"pgregory.net/rapid"

	"muonclip/data/batch"
	"muonclip/data/chatshard"
)

// memory is dialogues in memory.
type memory []chatshard.Dialogue

func (m memory) Len() int          { return len(m) }
func (m memory) Tokens(i int) int  { return len(m[i].IDs) }
func (m memory) Kind(i int) string { return m[i].Kind }

func (m memory) Read(i int) (chatshard.Dialogue, error) { return m[i], nil }

// numbered makes dialogues of the given lengths whose tokens are first, first+1, ..., so that each token tells where it comes
// from. The kind of a token's turn follows from its id, turnOf.
func numbered(first int32, lengths ...int) memory {
	var out memory
	for i, n := range lengths {
		d := chatshard.Dialogue{ID: fmt.Sprint(i), Kind: fmt.Sprint("kind-", i%3)}
		for range n {
			d.IDs = append(d.IDs, first)
			d.Turns = append(d.Turns, turnOf(first))
			first++
		}
		out = append(out, d)
	}
	return out
}

func turnOf(id int32) chatshard.Turn { return chatshard.Turn(id * 7 / 5 % 4) }

// someLengths draws lengths of which at least one fits into a row.
func someLengths(rt *rapid.T, cols int) []int {
	n := rapid.SliceOfN(rapid.IntRange(0, cols+3), 0, 60).Draw(rt, "lengths")
	return append(n, rapid.IntRange(2, cols+1).Draw(rt, "one that fits"))
}

func mustLoader(t rapid.TB, cfg Config, sources ...Source) *Loader {
	t.Helper()
	l, err := NewLoader(sources, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func get(t rapid.TB, b batch.Batches, i int64) *batch.Batch {
	t.Helper()
	var out batch.Batch
	if err := b.At(i, &out); err != nil {
		t.Fatal(err)
	}
	return &out
}

// checkBatch holds a batch against the dialogues that it says are in it and returns how often each of them, by source and
// number, is there.
func checkBatch(t rapid.TB, b *batch.Batch, sources map[string]memory) map[string]int {
	t.Helper()
	used := map[string]int{}
	next := make([]int, b.Rows) // first place of each row that was not looked at
	for _, ref := range b.Docs {
		d := sources[ref.Source][ref.Doc]
		used[fmt.Sprint(ref.Source, ref.Doc)]++
		from := next[ref.Row]
		n := len(d.IDs) - 1
		if from+n > b.Cols {
			t.Fatalf("row %d: dialogue %d of %d places at %d does not fit", ref.Row, ref.Doc, n, from)
		}
		for k := range n {
			at := ref.Row*b.Cols + from + k
			want := int32(-1)
			if d.Turns[k+1] != chatshard.Context {
				want = d.IDs[k+1]
			}
			if b.Inputs[at] != d.IDs[k] || b.Targets[at] != want || b.DocStart[at] != int32(from) {
				t.Fatalf("row %d, place %d: input %d, target %d, start %d; want %d, %d, %d",
					ref.Row, from+k, b.Inputs[at], b.Targets[at], b.DocStart[at], d.IDs[k], want, from)
			}
		}
		next[ref.Row] += n
	}
	for r, from := range next {
		for k := from; k < b.Cols; k++ {
			if at := r*b.Cols + k; b.Inputs[at] != 0 || b.Targets[at] != -1 || b.DocStart[at] != int32(from) {
				t.Fatalf("row %d, place %d is no padding: input %d, target %d, start %d", r, k, b.Inputs[at], b.Targets[at], b.DocStart[at])
			}
		}
	}
	return used
}
