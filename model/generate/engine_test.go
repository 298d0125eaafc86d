package generate

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"muonclip/internal/compute"
	"muonclip/model"
)

func TestLogitsEqualTrainingForward(t *testing.T) {
	for name, c := range variants() {
		t.Run(name+"/float64", func(t *testing.T) { compareWithTraining[float64](t, c, 1e-10) })
		t.Run(name+"/float32", func(t *testing.T) { compareWithTraining[float32](t, c, 1e-4) })
	}
}

// compareWithTraining reads a text of more than two pages, first a prompt and then token by token.
func compareWithTraining[T compute.Float](t *testing.T, c model.Config, tolerance float64) {
	m, e := build[T](t, c, 2)
	const length, prompt = 150, 60
	ids := someIDs(3, length, c.VocabSize)
	want := m.Logits(model.Input{Rows: 1, Cols: length, IDs: ids})
	at := func(i int) []T { return want[i*c.VocabSize : (i+1)*c.VocabSize] }
	seqs := []*Sequence[T]{e.NewSequence()}
	got, err := e.Prefill(seqs, ids[:prompt])
	for i := prompt - 1; ; i++ {
		if err != nil {
			t.Fatal(err)
		}
		if d := difference(got, at(i)); d > tolerance {
			t.Fatalf("position %d: logits differ from the training forward by %.2g of the largest", i, d)
		}
		if i == length-1 {
			break
		}
		got, err = e.Step(seqs, ids[i+1:i+2])
	}
}

// The logits of a sequence have the same bits alone and in company, for every cut into chunks and
// every number of threads.
func TestBatchIndependence(t *testing.T) {
	for name, c := range variants() {
		t.Run(name+"/float64", func(t *testing.T) { checkIndependence[float64](t, c) })
		t.Run(name+"/float32", func(t *testing.T) { checkIndependence[float32](t, c) })
	}
}

func checkIndependence[T compute.Float](t *testing.T, c model.Config) {
	const company, steps = 11, 5
	var prompts [][]int32
	for i := range company {
		prompts = append(prompts, someIDs(uint64(i), 1+17*i%140, c.VocabSize))
	}
	next := func(i, step int) int32 { return int32((i*13 + step*7) % c.VocabSize) }
	alone := make([][]T, company) // logits after the prompt and after each step
	_, e := build[T](t, c, 1)
	for i, p := range prompts {
		s := []*Sequence[T]{e.NewSequence()}
		for _, id := range p[:len(p)-1] { // one token at a time
			must[T](t)(e.Step(s, []int32{id}))
		}
		alone[i] = must[T](t)(e.Step(s, p[len(p)-1:]))
		for step := range steps {
			alone[i] = append(alone[i], must[T](t)(e.Step(s, []int32{next(i, step)}))...)
		}
	}
	_, e = build[T](t, c, 3)
	var seqs []*Sequence[T]
	for range prompts {
		seqs = append(seqs, e.NewSequence())
	}
	together := make([][]T, company)
	keep := func(logits []T) {
		for i := range together {
			together[i] = append(together[i], logits[i*c.VocabSize:(i+1)*c.VocabSize]...)
		}
	}
	keep(must[T](t)(e.Prefill(seqs, prompts...)))
	for step := range steps {
		ids := make([]int32, company)
		for i := range ids {
			ids[i] = next(i, step)
		}
		keep(must[T](t)(e.Step(seqs, ids)))
	}
	for i := range alone {
		if !slices.Equal(alone[i], together[i]) {
			t.Errorf("sequence %d of %d tokens: the batch changes its logits by %.2g", i, len(prompts[i]), difference(together[i], alone[i]))
		}
	}
}

// A prompt that follows others, of several chunks whose last ones need more than one wave of spans, has the same bits
// however it is cut.
func TestCutPrompt(t *testing.T) {
	c := variants()["yarn"]
	c.MaxPositionEmbeddings = 8 * prefillRows
	_, e := build[float32](t, c, 5)
	ids := someIDs(5, 7*prefillRows+37, c.VocabSize)
	whole, split := e.NewSequence(), e.NewSequence()
	must[float32](t)(e.Prefill([]*Sequence[float32]{whole}, ids[:1]))
	want := must[float32](t)(e.Prefill([]*Sequence[float32]{whole}, ids[1:]))
	for lo, n := 0, 1; lo < len(ids); n += 31 {
		hi := min(lo+n, len(ids))
		got := must[float32](t)(e.Prefill([]*Sequence[float32]{split}, ids[lo:hi]))
		if lo = hi; lo == len(ids) && !slices.Equal(got, want) {
			t.Errorf("the cut into chunks changes the logits by %.2g", difference(got, want))
		}
	}
	e.plan.build(e.shape, []segment[float32]{{seq: whole, ids: ids[:prefillRows]}})
	if len(e.plan.tiles) >= tilesPerThread*e.be.Threads() || len(e.plan.tasks)*e.plan.rows*(e.shape.vdim+2) < partialElems {
		t.Errorf("%d tiles of %d rows, %d tasks: one wave is enough, make the prompt longer", len(e.plan.tiles), e.plan.rows, len(e.plan.tasks))
	}
}

func TestForkAndTruncate(t *testing.T) {
	for _, n := range []int{1, pageTokens - 1, pageTokens, pageTokens + 1, 2*pageTokens + 5} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			c := variants()["sparse"]
			_, e := build[float64](t, c, 2)
			past := someIDs(1, n, c.VocabSize)
			base := e.NewSequence()
			must[float64](t)(e.Prefill([]*Sequence[float64]{base}, past))
			branches := []*Sequence[float64]{base.Fork(), base.Fork(), base}
			var tails [][]int32
			var got [][]float64
			for i := range branches {
				tails = append(tails, someIDs(uint64(10+i), 70, c.VocabSize))
			}
			for k := range tails[0] {
				logits := must[float64](t)(e.Step(branches, []int32{tails[0][k], tails[1][k], tails[2][k]}))
				got = slices.Collect(slices.Chunk(logits, c.VocabSize))
			}
			fresh := func(ids ...int32) []float64 {
				s := e.NewSequence()
				defer s.Release()
				return must[float64](t)(e.Prefill([]*Sequence[float64]{s}, ids))
			}
			for i, tail := range tails {
				if !slices.Equal(got[i], fresh(slices.Concat(past, tail)...)) {
					t.Errorf("branch %d differs from a sequence of its own", i)
				}
			}
			branches[0].Truncate(n)
			again := must[float64](t)(e.Step(branches[:1], tails[1][:1]))
			if !slices.Equal(again, fresh(slices.Concat(past, tails[1][:1])...)) {
				t.Error("a truncated sequence remembers")
			}
			for _, s := range branches {
				s.Release()
			}
			if len(e.pool.free) != e.pool.made {
				t.Errorf("%d of %d pages came back", len(e.pool.free), e.pool.made)
			}
		})
	}
}

func TestEngineErrors(t *testing.T) {
	c := variants()["latent"]
	_, e := build[float32](t, c, 1)
	_, other := build[float32](t, c, 1)
	s := e.NewSequence()
	must[float32](t)(e.Prefill([]*Sequence[float32]{s}, someIDs(1, 250, c.VocabSize)))
	normed := c
	normed.QKNorm = true
	_, unable := build[float32](t, normed, 1)
	for name, tt := range map[string]struct {
		call func() ([]float32, error)
		want string
	}{
		"empty":       {func() ([]float32, error) { return e.Prefill([]*Sequence[float32]{e.NewSequence()}, nil) }, "no tokens"},
		"too long":    {func() ([]float32, error) { return e.Prefill([]*Sequence[float32]{s}, someIDs(1, 7, 61)) }, "max_position_embeddings 256"},
		"large id":    {func() ([]float32, error) { return e.Step([]*Sequence[float32]{s}, []int32{61}) }, "outside the vocabulary of 61"},
		"negative id": {func() ([]float32, error) { return e.Step([]*Sequence[float32]{s}, []int32{-1}) }, "outside the vocabulary"},
		"twice":       {func() ([]float32, error) { return e.Step([]*Sequence[float32]{s, s}, []int32{1, 1}) }, "named twice"},
		"foreign":     {func() ([]float32, error) { return e.Step([]*Sequence[float32]{other.NewSequence()}, []int32{1}) }, "another engine"},
		"count":       {func() ([]float32, error) { return e.Step([]*Sequence[float32]{s}, nil) }, "ids of 0 sequences for 1"},
		"normalised keys": {func() ([]float32, error) {
			return unable.Prefill([]*Sequence[float32]{unable.NewSequence()}, []int32{1})
		}, "cannot generate"},
		"prompt count": {func() ([]float32, error) { return e.Prefill([]*Sequence[float32]{s}) }, "ids of 0 sequences for 1"},
	} {
		if _, err := tt.call(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: want an error with %q, got %v", name, tt.want, err)
		}
		if s.Len() != 250 {
			t.Fatalf("%s: the failed call changed the sequence", name)
		}
	}
}

func TestBytesPerToken(t *testing.T) {
	_, latent := build[float32](t, variants()["latent"], 1)
	_, grouped := build[float64](t, variants()["grouped"], 1)
	if got := latent.BytesPerToken(); got != 3*(12+4)*4 {
		t.Errorf("latent attention: %d bytes", got)
	}
	if got := grouped.BytesPerToken(); got != 3*2*2*6*8 {
		t.Errorf("grouped-query attention: %d bytes", got)
	}
}
