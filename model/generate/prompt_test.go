package generate

import (
	"slices"
	"testing"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
	"muonclip/model"
)

// TestLongPromptEqualsTrainingForward reads a long prompt and goes on token by token, which shows that its cache is right.
func TestLongPromptEqualsTrainingForward(t *testing.T) {
	for name, c := range variants() {
		t.Run(name+"/float64", func(t *testing.T) { compareLongPrompt[float64](t, c, 1e-10) })
		t.Run(name+"/float32", func(t *testing.T) { compareLongPrompt[float32](t, c, 1e-4) })
	}
}

func compareLongPrompt[T compute.Float](t *testing.T, c model.Config, tolerance float64) {
	c.MaxPositionEmbeddings = 2 * longPrompt
	m, e := build[T](t, c, 2)
	const prompt, length = longPrompt + 7, longPrompt + 70
	ids := someIDs(3, length, c.VocabSize)
	want := m.Logits(model.Input{Rows: 1, Cols: length, IDs: ids})
	seqs := []*Sequence[T]{e.NewSequence()}
	if !e.readsAlone(seqs[0], ids[:prompt]) {
		t.Fatal("the prompt is not long")
	}
	got := must[T](t)(e.Prefill(seqs, ids[:prompt]))
	for i := prompt - 1; ; i++ {
		if d := difference(got, want[i*c.VocabSize:(i+1)*c.VocabSize]); d > tolerance {
			t.Fatalf("position %d: logits differ from the training forward by %.2g of the largest", i, d)
		}
		if i == length-1 {
			break
		}
		got = must[T](t)(e.Step(seqs, ids[i+1:i+2]))
	}
}

// TestLongPromptIndependence: long and short prompts that are read together have the bits of each alone, for every
// number of threads.
func TestLongPromptIndependence(t *testing.T) {
	for _, name := range []string{"yarn", "grouped, sparse, yarn"} {
		c := variants()[name]
		c.MaxPositionEmbeddings = 4 * longPrompt
		var prompts [][]int32
		for i, n := range []int{5, longPrompt, 3*longPrompt + 11, longPrompt - 1, 40, promptRows + 3} {
			prompts = append(prompts, someIDs(uint64(i), min(n, c.MaxPositionEmbeddings-1), c.VocabSize))
		}
		_, one := build[float32](t, c, 1)
		_, three := build[float32](t, c, 3)
		var seqs []*Sequence[float32]
		for range prompts {
			seqs = append(seqs, three.NewSequence())
		}
		got := must[float32](t)(three.Prefill(seqs, prompts...))
		for i, p := range prompts {
			want := must[float32](t)(one.Prefill([]*Sequence[float32]{one.NewSequence()}, p))
			if row := got[i*c.VocabSize : (i+1)*c.VocabSize]; !slices.Equal(row, want) {
				t.Errorf("%s: company changes the logits of prompt %d of %d tokens by %.2g", name, i, len(p), difference(row, want))
			}
		}
	}
}

// TestStoredWeightsReadLongPrompts: prompts meet the weights that later tokens meet.
func TestStoredWeightsReadLongPrompts(t *testing.T) {
	c := variants()["sparse"]
	c.MaxPositionEmbeddings = 2 * longPrompt
	m, e := build[float32](t, c, 2)
	stored := NewWith(m, e.be, Options{Weights: cpu.Int8})
	ids := someIDs(4, longPrompt+9, c.VocabSize)
	whole := must[float32](t)(stored.Prefill([]*Sequence[float32]{stored.NewSequence()}, ids))
	s := []*Sequence[float32]{stored.NewSequence()}
	must[float32](t)(stored.Prefill(s, ids[:9]))
	if d := difference(must[float32](t)(stored.Prefill(s, ids[9:])), whole); d > 1e-4 {
		t.Errorf("the cut of a prompt changes the logits by %.2g", d)
	}
}
