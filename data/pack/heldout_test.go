package pack

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muonclip/data/batch"
	"muonclip/data/chatshard"
)

// TestHeldOut checks that all batches together have each dialogue once, and the kinds of their targets.
func TestHeldOut(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cols := rapid.IntRange(1, 30).Draw(rt, "cols")
		all := map[string]memory{"a": numbered(5, someLengths(rt, cols)...), "b": numbered(9000, someLengths(rt, cols)...)}
		h, err := NewHeldOut([]Source{{Name: "a", Dialogues: all["a"]}, {Name: "b", Dialogues: all["b"]}}, Config{Rows: rapid.IntRange(1, 4).Draw(rt, "rows"), Cols: cols})
		if err != nil {
			rt.Fatal(err)
		}
		used, want := map[string]int{}, map[string]int{}
		for name, docs := range all {
			for i, d := range docs {
				if n := len(d.IDs); n >= 2 && n <= cols+1 {
					want[fmt.Sprint(name, i)] = 1
				}
			}
		}
		var turns []chatshard.Turn
		for i := range h.Len() {
			b := get(rt, h, i)
			for name, n := range checkBatch(rt, b, all) {
				used[name] += n
			}
			if turns, err = h.Turns(b, turns); err != nil {
				rt.Fatal(err)
			}
			checkTurns(rt, b, turns)
			checkSpans(rt, h.layout, b, all)
		}
		if diff := cmp.Diff(want, used); diff != "" {
			rt.Fatal(diff)
		}
		if f := h.Filled(); f <= 0 || f > 1 {
			rt.Fatalf("filled: %v", f)
		}
	})
}

// checkTurns uses that the kind of a token follows from its id.
func checkTurns(t rapid.TB, b *batch.Batch, turns []chatshard.Turn) {
	t.Helper()
	for i, target := range b.Targets {
		want := chatshard.Context
		if target >= 0 {
			want = turnOf(target)
		}
		if turns[i] != want {
			t.Fatalf("place %d: kind %v, want %v", i, turns[i], want)
		}
	}
}

func checkSpans(t rapid.TB, l layout, b *batch.Batch, all map[string]memory) {
	t.Helper()
	spans, err := l.Spans(b)
	if err != nil || len(spans) != len(b.Docs) {
		t.Fatalf("%d spans of %d dialogues: %v", len(spans), len(b.Docs), err)
	}
	for _, s := range spans {
		d := all[s.Source][s.Doc]
		if diff := cmp.Diff(d.IDs[:len(d.IDs)-1], b.Inputs[s.From:s.To]); diff != "" || s.Kind != d.Kind {
			t.Fatalf("%+v: %s", s, diff)
		}
	}
}

func TestSpread(t *testing.T) {
	docs := numbered(1, 10, 9, 8, 10, 9, 8, 10, 10, 10, 10)
	h, err := NewHeldOut([]Source{{Name: "a", Dialogues: docs}}, Config{Rows: 1, Cols: 9})
	if err != nil {
		t.Fatal(err)
	}
	if h.Len() != 10 || h.Spread(0).Len() != 10 || h.Spread(99).Len() != 10 || h.Spread(3).Spread(0).Len() != 10 {
		t.Errorf("%d batches, want 10", h.Len())
	}
	s := h.Spread(3)
	if s.Len() != 3 {
		t.Fatalf("%d batches, want 3", s.Len())
	}
	for i, want := range []int64{0, 3, 6} {
		if diff := cmp.Diff(get(t, h, want), get(t, s, int64(i))); diff != "" {
			t.Error(diff)
		}
	}
	var b batch.Batch
	if s.At(3, &b) == nil || s.At(-1, &b) == nil {
		t.Error("a batch beyond the last")
	}
}

// TestForeignBatch asks about a batch of other sources.
func TestForeignBatch(t *testing.T) {
	h, err := NewHeldOut([]Source{{Name: "a", Dialogues: numbered(1, 10, 10)}}, Config{Rows: 1, Cols: 9})
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range []batch.DocRef{{Source: "b"}, {Source: "a", Doc: 2}, {Source: "a", Doc: -1}, {Source: "a", Row: 5}} {
		b := get(t, h, 0)
		b.Docs = append(b.Docs, ref)
		if _, err := h.Turns(b, nil); err == nil {
			t.Errorf("%+v is found", ref)
		}
	}
	b := get(t, h, 0)
	b.Docs = append(b.Docs, b.Docs[0])
	if _, err := h.Spans(b); err == nil {
		t.Error("a row with more than it holds")
	}
}
