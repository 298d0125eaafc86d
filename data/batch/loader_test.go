package batch

import (
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestEveryTokenOnceAnEpoch runs as many windows as hold a whole number of epochs and counts how
// often each token is an input and a target. Windows that begin at multiples of T cover T epochs
// of N tokens in N windows.
func TestEveryTokenOnceAnEpoch(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cols := rapid.IntRange(1, 9).Draw(rt, "cols")
		docs := numbered(10, lengths(rt, cols+1)...)
		cfg := Config{
			Seed: rapid.Uint64().Draw(rt, "seed"), Rows: 1, Cols: cols,
			Before:             rapid.SampledFrom([][]int32{nil, {1}}).Draw(rt, "before"),
			After:              rapid.SampledFrom([][]int32{nil, {2}, {2, 3}}).Draw(rt, "after"),
			ConsecutiveWindows: rapid.Bool().Draw(rt, "consecutive"),
		}
		l := mustLoader(t, cfg, source("a", docs, 1))
		n := l.Parts(0)[0].Tokens
		want := map[int32]int{}
		for i := range docs.NumDocs() {
			for _, part := range [][]int32{cfg.Before, docs.doc(i), cfg.After} {
				for _, id := range part {
					want[id] += cols
				}
			}
		}
		inputs, targets := map[int32]int{}, map[int32]int{}
		var b Batch
		for step := range n {
			if err := l.At(step, &b); err != nil {
				rt.Fatal(err)
			}
			for i := range b.Inputs {
				inputs[b.Inputs[i]]++
				targets[b.Targets[i]]++
			}
			if !slices.Equal(b.Inputs[1:], b.Targets[:cols-1]) {
				rt.Fatalf("targets %v do not follow inputs %v", b.Targets, b.Inputs)
			}
		}
		if diff := cmp.Diff(want, inputs); diff != "" {
			rt.Fatal("inputs:", diff)
		}
		// Targets are shifted by one, so the last one belongs to the next epoch and the first token of
		// epoch 0 is no target: the counts may differ by these two tokens.
		off := 0
		for id, c := range want {
			off += max(c-targets[id], targets[id]-c)
		}
		if off > 2 {
			rt.Fatalf("targets %v differ from %v by %d", targets, want, off)
		}
		if e := l.Parts(n)[0].Epochs; e != float64(cols) {
			rt.Fatalf("%v epochs, want %d", e, cols)
		}
	})
}

// TestStreamIsWholeDocuments puts consecutive windows together again: the stream is a permutation of
// the documents with their separators, another one in each epoch.
func TestStreamIsWholeDocuments(t *testing.T) {
	docs := numbered(10, 5, 0, 3, 9, 1, 7, 2, 8)
	cfg := Config{Seed: 3, Rows: 2, Cols: 6, Before: []int32{1}, After: []int32{2}, ConsecutiveWindows: true}
	l := mustLoader(t, cfg, source("a", docs, 0))
	n := int(l.Parts(0)[0].Tokens)
	var stream []int32
	for step := int64(0); len(stream) < 3*n; step++ {
		stream = append(stream, mustAt(t, l, step).Inputs...)
	}
	var orders [][]int64
	for range 3 {
		var order []int64
		epoch := stream[:n]
		stream = stream[n:]
		for len(epoch) > 0 {
			found := int64(-1)
			for i := range docs.NumDocs() {
				doc := append(append([]int32{1}, docs.doc(i)...), 2)
				if len(doc) <= len(epoch) && slices.Equal(doc, epoch[:len(doc)]) {
					found = i
					epoch = epoch[len(doc):]
					break
				}
			}
			if found < 0 {
				t.Fatalf("the stream has no whole document at %v", epoch)
			}
			order = append(order, found)
		}
		orders = append(orders, order)
		sorted := slices.Sorted(slices.Values(order))
		if !slices.Equal(sorted, []int64{0, 1, 2, 3, 4, 5, 6, 7}) {
			t.Errorf("an epoch has the documents %v", order)
		}
	}
	if slices.Equal(orders[0], orders[1]) || slices.Equal(orders[1], orders[2]) {
		t.Errorf("the order of the documents repeats: %v", orders)
	}
}

// TestPurity makes the same batches in order, at random, by many goroutines, after a resume and with
// other memory, and wants the same each time.
func TestPurity(t *testing.T) {
	cfg := Config{Seed: 5, Rows: 4, Cols: 16, After: []int32{0}, MaskDocuments: true, VocabSize: 100}
	sources := []Source{source("code", randomText(40, 30, 100, 1), 3), source("prose", randomText(9, 80, 100, 2), 1)}
	l := mustLoader(t, cfg, sources...)
	const steps = 120
	var want []Batch
	for i := range int64(steps) {
		want = append(want, mustAt(t, l, i))
	}
	for i := 1; i < steps; i++ {
		if slices.Equal(want[i].Inputs, want[i-1].Inputs) {
			t.Errorf("batches %d and %d are the same", i-1, i)
		}
	}
	t.Run("any order", func(t *testing.T) {
		fresh := mustLoader(t, cfg, sources...)
		p := newPermutation(steps, 1)
		var b Batch
		for i := range int64(steps) {
			step := p.at(i)
			if err := fresh.At(step, &b); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want[step], b); diff != "" {
				t.Fatal(stepName(step), diff)
			}
		}
	})
	t.Run("concurrent", func(t *testing.T) {
		var wg sync.WaitGroup
		for w := range int64(4) {
			wg.Go(func() {
				var b Batch
				for step := w; step < steps; step += 4 {
					if err := l.At(step, &b); err != nil || !cmp.Equal(want[step], b) {
						t.Errorf("%s differs: %v", stepName(step), err)
					}
				}
			})
		}
		wg.Wait()
	})
	t.Run("resume", func(t *testing.T) {
		fresh := mustLoader(t, cfg, sources...)
		for step := int64(77); step < steps; step++ {
			if diff := cmp.Diff(want[step], mustAt(t, fresh, step)); diff != "" {
				t.Fatal(stepName(step), diff)
			}
		}
	})
	t.Run("other seed", func(t *testing.T) {
		other := cfg
		other.Seed++
		if slices.Equal(want[0].Inputs, mustAt(t, mustLoader(t, other, sources...), 0).Inputs) {
			t.Error("the seed changes nothing")
		}
	})
	t.Run("a further source leaves the order of the others", func(t *testing.T) {
		alone := mustLoader(t, cfg, sources[1])
		var b []int32
		for i := range int64(10) {
			b = append(b, mustAt(t, alone, i).Inputs...)
		}
		var c []int32
		for _, w := range want {
			for r := range w.Rows {
				if i := slices.IndexFunc(w.Docs, func(d DocRef) bool { return d.Row == r }); w.Docs[i].Source == "prose" {
					c = append(c, row(w, w.Inputs, r)...)
				}
			}
		}
		if !slices.Equal(b[:400], c[:400]) {
			t.Error("the sequences of a source depend on the other sources")
		}
	})
}

// TestOrderIsPinned fails when a change gives other batches for the same seed, which would break the
// resume of runs that were begun before.
func TestOrderIsPinned(t *testing.T) {
	cfg := Config{Seed: 42, Rows: 2, Cols: 5, After: []int32{0}}
	l := mustLoader(t, cfg, source("x", numbered(10, 4, 3, 5, 2, 6), 2), source("y", numbered(50, 9, 9), 1))
	var got []int32
	for _, step := range []int64{0, 1, 1000} {
		got = append(got, mustAt(t, l, step).Inputs...)
	}
	want := []int32{
		10, 11, 12, 13, 0, 50, 51, 52, 53, 54,
		0, 17, 18, 19, 20, 25, 26, 27, 28, 29,
		14, 15, 16, 0, 17, 18, 19, 20, 21, 0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestMixtureShares counts the rows of each source and the documents named.
func TestMixtureShares(t *testing.T) {
	cfg := Config{Seed: 1, Rows: 5, Cols: 8}
	l := mustLoader(t, cfg, source("a", numbered(0, 40, 50, 60), 0.6), source("b", numbered(1000, 100), 0.3), source("c", numbered(2000, 90), 0.1))
	rows := map[string]int{}
	var b Batch
	for step := range int64(40) {
		if err := l.At(step, &b); err != nil {
			t.Fatal(err)
		}
		for r := range b.Rows {
			name := string('a' + b.Inputs[r*b.Cols]/1000)
			rows[name]++
			for _, d := range b.Docs {
				if d.Row == r && d.Source != name {
					t.Errorf("row %d has tokens of %s and names %s", r, name, d.Source)
				}
			}
		}
	}
	if diff := cmp.Diff(map[string]int{"a": 120, "b": 60, "c": 20}, rows); diff != "" {
		t.Error(diff)
	}
	var epochs []float64
	for _, p := range l.Parts(40) {
		epochs = append(epochs, p.Epochs)
	}
	if diff := cmp.Diff([]float64{120 * 8 / 150., 60 * 8 / 100., 20 * 8 / 90.}, epochs); diff != "" {
		t.Error(diff)
	}
	byTokens := mustLoader(t, cfg, source("a", numbered(0, 75), 0), source("b", numbered(0, 25), 0))
	if p := byTokens.Parts(0); p[0].Weight != 0.75 || p[1].Weight != 0.25 {
		t.Errorf("weights without any given: %+v", p)
	}
}

// TestMasks derives from unique tokens where each document begins in its row and which appear.
func TestMasks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cols := rapid.IntRange(1, 14).Draw(rt, "cols")
		docs := numbered(0, lengths(rt, cols+1)...)
		cfg := Config{Seed: rapid.Uint64().Draw(rt, "seed"), Rows: 3, Cols: cols, MaskDocuments: true}
		l := mustLoader(t, cfg, source("a", docs, 1))
		cfg.MaskDocuments = false
		plain := mustLoader(t, cfg, source("a", docs, 1))
		owner := map[int32]int64{}
		for i := range docs.NumDocs() {
			for _, id := range docs.doc(i) {
				owner[id] = i
			}
		}
		for step := range int64(5) {
			b := mustAt(t, l, step)
			var refs []DocRef
			for r := range b.Rows {
				in, start := row(b, b.Inputs, r), int32(0)
				tokens := append(slices.Clone(in), row(b, b.Targets, r)[cols-1])
				for i, id := range tokens {
					// A document that comes twice in a row, last of one epoch and first of the next, begins anew.
					if i == 0 || owner[id] != owner[tokens[i-1]] || id != tokens[i-1]+1 {
						start = int32(i)
						refs = append(refs, DocRef{"a", owner[id], r})
					}
					if i < cols && row(b, b.DocStart, r)[i] != start {
						rt.Fatalf("DocStart %v, want %d at %d of %v", row(b, b.DocStart, r), start, i, in)
					}
				}
			}
			if diff := cmp.Diff(refs, b.Docs); diff != "" {
				rt.Fatal(diff)
			}
			p := mustAt(t, plain, step)
			if !slices.Equal(p.Inputs, b.Inputs) || slices.Max(p.DocStart) != 0 {
				rt.Fatalf("without masking: inputs %v, DocStart %v", p.Inputs, p.DocStart)
			}
		}
	})
}

func TestLoaderErrors(t *testing.T) {
	good := Config{Rows: 2, Cols: 8, VocabSize: 100}
	docs := source("a", numbered(0, 40), 0)
	cases := []struct {
		name    string
		sources []Source
		edit    func(*Config)
		says    []string
	}{
		{"no source", nil, nil, []string{"no data sources"}},
		{"too little data", []Source{source("small", numbered(0, 3, 4), 0)}, nil, []string{"small", "7 tokens", "2 documents", "sequence of 8 needs 9"}},
		{"no document", []Source{source("none", newMemDocs(), 0)}, nil, []string{"none", "0 tokens"}},
		{"same name", []Source{docs, docs}, nil, []string{`named "a"`}},
		{"negative weight", []Source{source("a", numbered(0, 40), -1)}, nil, []string{`"a"`, "-1"}},
		{"some weights", []Source{source("a", numbered(0, 40), 1), source("b", numbered(0, 40), 0)}, nil, []string{`"b" has weight 0`}},
		{"no rows", []Source{docs}, func(c *Config) { c.Rows = 0 }, []string{"rows is 0"}},
		{"no length", []Source{docs}, func(c *Config) { c.Cols = -3 }, []string{"length is -3"}},
		{"huge batch", []Source{docs}, func(c *Config) { c.Rows, c.Cols = 1<<20, 1<<20 }, []string{"too many"}},
		{"separator", []Source{docs}, func(c *Config) { c.After = []int32{100} }, []string{"separator", "100"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cfg := good
			if c.edit != nil {
				c.edit(&cfg)
			}
			_, err := NewLoader(c.sources, cfg)
			wantError(t, err, nil, c.says...)
		})
	}
	var b Batch
	wantError(t, mustLoader(t, good, docs).At(-1, &b), nil, "no batch -1")
	wantError(t, mustLoader(t, good, docs).At(1<<62, &b), nil, "no batch")
	good.VocabSize = 30
	bad := mustLoader(t, good, docs)
	var err error
	for step := int64(0); err == nil && step < 10; step++ {
		err = bad.At(step, &b)
	}
	wantError(t, err, ErrTokenRange, `"a"`, "document 0", "position 3", "vocabulary has 30")
}
