package batch

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/data/shard"
)

var _ Documents = (*shard.Reader)(nil)

// TestFromShards makes the same batches from shards in files and in memory as from plain slices, and
// checks that a batch allocates nothing once its memory is there.
func TestFromShards(t *testing.T) {
	docs := randomText(80, 60, 500, 9)
	w, err := shard.Create(t.TempDir()+"/s", shard.WriterConfig{VocabSize: 500, ShardTokens: 300})
	if err != nil {
		t.Fatal(err)
	}
	for i := range docs.NumDocs() {
		if err := w.Add("x", docs.doc(i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Finish(nil); err != nil {
		t.Fatal(err)
	}
	cfg := Config{Seed: 1, Rows: 4, Cols: 32, After: []int32{0}, MaskDocuments: true, VocabSize: 500}
	want := mustLoader(t, cfg, source("a", docs, 0))
	for _, opts := range []shard.Options{{}, {ResidentBytes: -1, Lazy: true}} {
		r, err := shard.Open(w.Dir(), opts)
		if err != nil {
			t.Fatal(err)
		}
		l := mustLoader(t, cfg, source("a", r, 0))
		for step := range int64(40) {
			if diff := cmp.Diff(mustAt(t, want, step), mustAt(t, l, step)); diff != "" {
				t.Fatalf("%+v, %s: %s", opts, stepName(step), diff)
			}
		}
		var b Batch
		step := int64(0)
		for range 12 { // both epochs' orders and the longest Docs
			if err := l.At(step, &b); err != nil {
				t.Fatal(err)
			}
			step++
		}
		if n := testing.AllocsPerRun(10, func() {
			if err := l.At(3, &b); err != nil {
				t.Fatal(err)
			}
		}); n > 1 { // the row buffer may be taken from its pool by a collection, and at random with -race
			t.Errorf("%+v: %v allocations a batch, want 0", opts, n)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		wantError(t, l.At(0, &b), shard.ErrClosed, `"a"`)
	}
}
