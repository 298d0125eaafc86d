package generate

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"muonclip/internal/compute/cpu"
)

// TestStoredWeights: logits from weights in fewer bits stay near those of the training forward pass,
// and have the same bits alone and in company.
func TestStoredWeights(t *testing.T) {
	for _, name := range []string{"yarn", "grouped, sparse, yarn"} {
		for format, tolerance := range map[cpu.Format]float64{cpu.Full: 1e-5, cpu.BFloat16: 0.06, cpu.Int8: 0.12} {
			t.Run(fmt.Sprintf("%s/%s", name, format), func(t *testing.T) {
				m, exact := build[float32](t, variants()[name], 2)
				e := NewWith(m, exact.be, Options{Weights: format})
				ids := someIDs(4, 70, m.Config.VocabSize)
				logits := func(e *Engine[float32], company ...int32) []float32 {
					seqs := []*Sequence[float32]{e.NewSequence()}
					prompts := [][]int32{ids}
					if len(company) > 0 {
						seqs, prompts = append(seqs, e.NewSequence()), append(prompts, company)
					}
					return must[float32](t)(e.Prefill(seqs, prompts...))[:m.Config.VocabSize]
				}
				got := logits(e)
				if d := meanDifference(got, logits(exact)); d > tolerance || (d == 0) != (format == cpu.Full) {
					t.Errorf("logits differ by %.3g of their size on average, want up to %g", d, tolerance)
				}
				if !slices.Equal(got, logits(e, 1, 2, 3)) {
					t.Error("company changes the logits")
				}
			})
		}
	}
}

// meanDifference is the root mean square of a-b over that of b.
func meanDifference(a, b []float32) float64 {
	difference, size := 0.0, 0.0
	for i, v := range b {
		difference += math.Pow(float64(a[i]-v), 2)
		size += math.Pow(float64(v), 2)
	}
	return math.Sqrt(difference / size)
}

// TestRefresh: the engine multiplies by the weights of its last refresh.
func TestRefresh(t *testing.T) {
	m, e := build[float32](t, variants()["sparse"], 1)
	ids := someIDs(4, 9, m.Config.VocabSize)
	logits := func(e *Engine[float32]) []float32 {
		return must[float32](t)(e.Prefill([]*Sequence[float32]{e.NewSequence()}, ids))
	}
	before := logits(e)
	m.Init(77)
	e.Refresh()
	if got := logits(e); slices.Equal(got, before) || !slices.Equal(got, logits(New(m, e.be))) {
		t.Error("after Refresh the engine does not have the model's weights")
	}
}

// TestWork counts a step by hand.
func TestWork(t *testing.T) {
	c := variants()["sparse"]
	_, e := build[float32](t, c, 1)
	s := []*Sequence[float32]{e.NewSequence()}
	must[float32](t)(e.Prefill(s, someIDs(1, 9, c.VocabSize)))
	e.TakeWork()
	must[float32](t)(e.Step(s, []int32{5}))
	w := e.TakeWork()
	absorbed := 2.0 * 10 * float64(c.NumHiddenLayers*c.NumAttentionHeads) * float64(2*c.KVLoraRank+c.QKRopeHeadDim)
	if want := c.ForwardFLOPs(1).Linear + absorbed; w.FLOPs != want {
		t.Errorf("%g FLOPs, want %g", w.FLOPs, want)
	}
	if want := int64(10 * e.BytesPerToken()); w.CacheBytes != want {
		t.Errorf("%d bytes of cache, want %d", w.CacheBytes, want)
	}
	unused := int64(0) // experts that the token does not go to
	for l := c.FirstKDenseReplace; l < c.NumHiddenLayers; l++ {
		y := &e.layers[l]
		unused += int64(c.NRoutedExperts-c.NumExpertsPerTok) * int64(y.expertsUp[0].Bytes()+y.expertsDown[0].Bytes())
	}
	if got := w.WeightBytes + unused; got != e.WeightBytes() {
		t.Errorf("%d bytes of weights with those of the other experts, want %d", got, e.WeightBytes())
	}
	if (e.TakeWork() != Work{}) {
		t.Error("TakeWork does not begin anew")
	}
}
