package pack

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muonclip/data/batch"
	"muonclip/data/chatshard"
)

// TestEachDialogueOnceAnEpoch runs through more epochs than there are packings.
func TestEachDialogueOnceAnEpoch(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cols := rapid.IntRange(1, 30).Draw(rt, "cols")
		docs := numbered(5, someLengths(rt, cols)...)
		l := mustLoader(rt, Config{Seed: rapid.Uint64().Draw(rt, "seed"), Rows: 1, Cols: cols}, Source{Name: "a", Dialogues: docs})
		want := map[string]int{}
		for i, d := range docs {
			if n := len(d.IDs); n >= 2 && n <= cols+1 {
				want[fmt.Sprint("a", i)] = 1
			}
		}
		step := int64(0)
		for e := 0.0; e < period+2; e++ {
			if l.Epochs(step) != e {
				rt.Fatalf("step %d: %v epochs, want %v", step, l.Epochs(step), e)
			}
			used := map[string]int{}
			for ; step < l.Steps(e+1); step++ {
				for name, n := range checkBatch(rt, get(rt, l, step), map[string]memory{"a": docs}) {
					used[name] += n
				}
			}
			if diff := cmp.Diff(want, used); diff != "" {
				rt.Fatalf("epoch %v: %s", e, diff)
			}
		}
	})
}

// TestBatchesFollowFromTheirNumber takes batches in any order, from loaders of different age, at once.
func TestBatchesFollowFromTheirNumber(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cols := rapid.IntRange(2, 20).Draw(rt, "cols")
		cfg := Config{Seed: rapid.Uint64().Draw(rt, "seed"), Rows: rapid.IntRange(1, 4).Draw(rt, "rows"), Cols: cols}
		sources := []Source{
			{Name: "a", Dialogues: numbered(1, someLengths(rt, cols)...), Weight: 2},
			{Name: "b", Dialogues: numbered(5000, someLengths(rt, cols)...), Weight: 3},
		}
		steps := rapid.SliceOfN(rapid.Int64Range(0, 300), 1, 12).Draw(rt, "steps")
		inOrder := map[int64]*batch.Batch{}
		l := mustLoader(rt, cfg, sources...)
		for _, s := range slices.Sorted(slices.Values(steps)) {
			inOrder[s] = get(rt, l, s)
		}
		again := mustLoader(rt, cfg, sources...)
		var group sync.WaitGroup
		got := make([]batch.Batch, len(steps))
		errs := make([]error, len(steps))
		for i, s := range steps {
			group.Go(func() { errs[i] = again.At(s, &got[i]) })
		}
		group.Wait()
		for i, s := range steps {
			if diff := cmp.Diff(inOrder[s], &got[i]); errs[i] != nil || diff != "" {
				rt.Fatalf("batch %d: %v %s", s, errs[i], diff)
			}
			alone := mustLoader(rt, cfg, sources...)
			if diff := cmp.Diff(inOrder[s], get(rt, alone, s)); diff != "" {
				rt.Fatalf("batch %d, made first: %s", s, diff)
			}
		}
	})
}

// TestMemoryIsReused checks that what a larger batch left behind does not show.
func TestMemoryIsReused(t *testing.T) {
	docs := numbered(1, 5, 9, 3, 7, 2, 8)
	small := mustLoader(t, Config{Rows: 1, Cols: 9}, Source{Name: "a", Dialogues: docs})
	b := get(t, mustLoader(t, Config{Rows: 3, Cols: 30}, Source{Name: "a", Dialogues: docs}), 0)
	for step := range int64(20) {
		if err := small.At(step, b); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(get(t, small, step), b); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestEpochsDiffer(t *testing.T) {
	var lengths []int
	for i := range 3000 {
		lengths = append(lengths, 2+i*37%90)
	}
	l := mustLoader(t, Config{Seed: 1, Rows: 1, Cols: 128}, Source{Name: "a", Dialogues: numbered(0, lengths...)})
	pairs := map[[2]int64]int{} // dialogues that share a row, in how many epochs
	const epochs = 4
	for step := range l.Steps(epochs) {
		docs := get(t, l, step).Docs
		for i, a := range docs {
			for _, b := range docs[i+1:] {
				pairs[[2]int64{min(a.Doc, b.Doc), max(a.Doc, b.Doc)}]++
			}
		}
	}
	often := 0
	for _, n := range pairs {
		if n == epochs {
			often++
		}
	}
	if often > len(pairs)/20 {
		t.Errorf("%d of %d pairs share a row in all epochs", often, len(pairs))
	}
	first, second := get(t, l, 0), get(t, l, l.Steps(1))
	if slices.Equal(first.Inputs, second.Inputs) {
		t.Error("two epochs begin with the same row")
	}
	other := mustLoader(t, Config{Seed: 2, Rows: 1, Cols: 128}, Source{Name: "a", Dialogues: numbered(0, lengths...)})
	if slices.Equal(first.Inputs, get(t, other, 0).Inputs) {
		t.Error("two seeds begin with the same row")
	}
}

// TestFilled: with short dialogues among long ones there is next to no padding.
func TestFilled(t *testing.T) {
	var lengths []int
	for i := range 4000 {
		lengths = append(lengths, 2+(i*i*31+i*7)%400)
	}
	l := mustLoader(t, Config{Seed: 3, Rows: 4, Cols: 512}, Source{Name: "a", Dialogues: numbered(0, lengths...)})
	p := l.Parts(0)[0]
	t.Logf("%d dialogues in %d rows: %.4f filled", p.Dialogues, p.Rows, p.Filled)
	if p.Filled < 0.98 || p.Filled > 1 {
		t.Errorf("%v is filled, want at least 0.98", p.Filled)
	}
}

func TestMixture(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cols := rapid.IntRange(2, 20).Draw(rt, "cols")
		n := rapid.IntRange(1, 4).Draw(rt, "sources")
		var sources []Source
		var sum float64
		for i := range n {
			w := rapid.Float64Range(0.1, 10).Draw(rt, "weight")
			sum += w
			sources = append(sources, Source{Name: fmt.Sprint(i), Dialogues: numbered(1, someLengths(rt, cols)...), Weight: w})
		}
		rows := rapid.IntRange(1, 5).Draw(rt, "rows")
		l := mustLoader(rt, Config{Rows: rows, Cols: cols}, sources...)
		steps := rapid.Int64Range(1, 100).Draw(rt, "steps")
		got := make([]float64, n)
		for g := range steps * int64(rows) {
			source, seq := l.mix.At(g)
			if float64(seq) != got[source] {
				rt.Fatalf("row %d is number %d of source %d, which had %v", g, seq, source, got[source])
			}
			got[source]++
		}
		for i, part := range l.Parts(steps) {
			share := sources[i].Weight / sum
			if math.Abs(part.Weight-share) > 1e-12 {
				rt.Fatalf("source %d: weight %v, want %v", i, part.Weight, share)
			}
			if off := math.Abs(got[i] - share*float64(steps)*float64(rows)); off > float64(n+1)/2 {
				rt.Fatalf("source %d had %v rows, %v off its share", i, got[i], off)
			}
			if part.Epochs < 0 || got[i] > 0 != (part.Epochs > 0) {
				rt.Fatalf("source %d: %v epochs after %v rows", i, part.Epochs, got[i])
			}
		}
	})
}

// TestByTokens: without weights, all sources end an epoch together.
func TestByTokens(t *testing.T) {
	var long, short []int
	for i := range 400 {
		short = append(short, 5+i%20)
	}
	for i := range 400 {
		long = append(long, 50+i%200)
	}
	l := mustLoader(t, Config{Rows: 2, Cols: 256}, Source{Name: "long", Dialogues: numbered(0, long...)}, Source{Name: "short", Dialogues: numbered(0, short...)})
	for _, p := range l.Parts(l.Steps(3)) {
		if p.Epochs < 2.8 || p.Epochs > 3.2 {
			t.Errorf("%s: %v epochs, want about 3", p.Name, p.Epochs)
		}
	}
}

func TestLeftOut(t *testing.T) {
	docs := numbered(0, 0, 1, 2, 11, 12, 500)
	l := mustLoader(t, Config{Rows: 1, Cols: 10}, Source{Name: "a", Dialogues: docs})
	p := l.Parts(0)[0]
	if p.Dialogues != 2 || p.TooLong != 2 || p.TooShort != 2 || p.Places != 11 {
		t.Errorf("%+v", p)
	}
	checkBatch(t, get(t, l, 0), map[string]memory{"a": docs})
}

// broken gives something else than it promised.
type broken struct{ memory }

func (b broken) Read(i int) (chatshard.Dialogue, error) {
	d := b.memory[i]
	d.IDs = d.IDs[:len(d.IDs)-1]
	return d, nil
}

func TestErrors(t *testing.T) {
	docs := numbered(0, 5, 6)
	a := Source{Name: "a", Dialogues: docs}
	good := Config{Rows: 1, Cols: 10}
	for name, c := range map[string]struct {
		sources []Source
		cfg     Config
	}{
		"no sources":           {nil, good},
		"no rows":              {[]Source{a}, Config{Cols: 10}},
		"no columns":           {[]Source{a}, Config{Rows: 1}},
		"too large":            {[]Source{a}, Config{Rows: 1 << 20, Cols: 1 << 20}},
		"two of one name":      {[]Source{a, a}, good},
		"nothing fits":         {[]Source{a}, Config{Rows: 1, Cols: 2}},
		"no dialogues":         {[]Source{{Name: "a", Dialogues: memory{}}}, good},
		"negative weight":      {[]Source{{Name: "a", Dialogues: docs, Weight: -1}}, good},
		"weight is no number":  {[]Source{{Name: "a", Dialogues: docs, Weight: math.NaN()}}, good},
		"one without a weight": {[]Source{a, {Name: "b", Dialogues: docs, Weight: 1}}, good},
	} {
		if _, err := NewLoader(c.sources, c.cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	var b batch.Batch
	l := mustLoader(t, good, a)
	for _, step := range []int64{-1, math.MaxInt64} {
		if l.At(step, &b) == nil {
			t.Errorf("there is a batch %d", step)
		}
	}
	if err := l.At(1<<55, &b); err != nil {
		t.Errorf("a late batch: %v", err)
	}
	if err := mustLoader(t, good, Source{Name: "a", Dialogues: broken{docs}}).At(0, &b); err == nil {
		t.Error("a dialogue shorter than promised is packed")
	}
}
