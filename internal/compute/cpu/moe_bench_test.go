package cpu

import (
	"math/rand/v2"
	"testing"

	"muonclip/internal/compute"
)

// Sizes of a layer of the preset mini with 8 x 256 tokens.
const (
	miniTokens, miniHidden, miniVocab      = 2048, 256, 4096
	miniExperts, miniChosen, miniExpertMid = 16, 4, 128
	miniSlots                              = miniTokens * miniChosen
)

// miniRouting routes random tokens.
func miniRouting(be *Backend[float32]) (*compute.RouteArgs[float32], compute.Groups) {
	r := rand.New(rand.NewPCG(5, 6))
	a := &compute.RouteArgs[float32]{
		Tokens: miniTokens, Experts: miniExperts, TopK: miniChosen, Norm: true, Scale: 2.5, Bias: make([]float32, miniExperts),
		Scores: random[float32](r, miniTokens*miniExperts), Index: make([]int32, miniSlots), Weight: make([]float32, miniSlots),
		DWeight: random[float32](r, miniSlots), DLogits: make([]float32, miniTokens*miniExperts),
		AuxWeight: 1e-3, Seq: 256, Frequency: make([]float32, 8*miniExperts), AuxLoss: make([]float32, 8),
	}
	be.Route(a)
	g := compute.Groups{Ends: make([]int32, miniExperts), Token: make([]int32, miniSlots), Choice: make([]int32, miniSlots), Slot: make([]int32, miniSlots)}
	be.Group(a.Index, a.TopK, make([]int32, miniExperts), g)
	return a, g
}

// BenchmarkRoute chooses the experts of every token, and sorts the choices by expert. The rate is of tokens.
func BenchmarkRoute(b *testing.B) {
	be := New[float32](0)
	a, g := miniRouting(be)
	logits, load := random[float32](rand.New(rand.NewPCG(5, 7)), len(a.Scores)), make([]int32, miniExperts)
	for _, c := range []struct {
		name string
		f    func()
	}{
		{"forward", func() {
			copy(a.Scores, logits) // Route overwrites them
			be.Route(a)
		}},
		{"backward", func() { be.RouteBackward(a) }},
		{"group", func() { be.Group(a.Index, a.TopK, load, g) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				c.f()
			}
			b.ReportMetric(miniTokens*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mtoken/s")
		})
	}
}

// BenchmarkGather copies the rows of all choices, and Combine adds them up by token again. The rate counts the bytes that
// are read and written.
func BenchmarkGather(b *testing.B) {
	be := New[float32](0)
	a, g := miniRouting(be)
	r := rand.New(rand.NewPCG(7, 8))
	tokens, rows := random[float32](r, miniTokens*miniHidden), random[float32](r, miniSlots*miniHidden)
	b.Run("gather", func(b *testing.B) {
		b.SetBytes(2 * 4 * miniSlots * miniHidden)
		for b.Loop() {
			be.Gather(rows, tokens, g.Token, miniHidden)
		}
	})
	for name, weight := range map[string][]float32{"combine": nil, "combine_weighted": a.Weight} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(4 * (miniSlots + 2*miniTokens) * miniHidden)
			for b.Loop() {
				be.Combine(tokens, rows, g.Slot, weight, miniChosen, miniHidden)
			}
		})
	}
}

// BenchmarkGroupedGemm is the products of one layer's experts, with rows where they lie and rows that are picked while
// multiplying, as a step does them.
func BenchmarkGroupedGemm(b *testing.B) {
	const stride = 3 * miniExpertMid * miniHidden // gate, up and down of one expert
	be := New[float32](0)
	peak := be.Peak()
	_, g := miniRouting(be)
	r := rand.New(rand.NewPCG(9, 10))
	w, dw := random[float32](r, miniExperts*stride), make([]float32, miniExperts*stride)
	x := random[float32](r, miniTokens*miniHidden)
	gu, mid, rows := random[float32](r, miniSlots*2*miniExpertMid), random[float32](r, miniSlots*miniExpertMid), random[float32](r, miniSlots*miniHidden)
	down := 2 * miniExpertMid * miniHidden
	for _, c := range []struct {
		name  string
		width int
		f     func()
	}{
		{"gate_up/picked", 2 * miniExpertMid, func() { be.GroupedGemm(gu, x, g.Token, w, g.Ends, stride, 2*miniExpertMid, miniHidden, true) }},
		{"gate_up/input", 2 * miniExpertMid, func() { be.GroupedGemm(rows, gu, nil, w, g.Ends, stride, miniHidden, 2*miniExpertMid, false) }},
		{"gate_up/weights_picked", 2 * miniExpertMid, func() {
			be.GroupedGemmWeights(1, dw, gu, nil, x, g.Token, g.Ends, stride, 2*miniExpertMid, miniHidden)
		}},
		{"down/in_place", miniExpertMid, func() { be.GroupedGemm(rows, mid, nil, w[down:], g.Ends, stride, miniHidden, miniExpertMid, true) }},
		{"down/input_picked", miniExpertMid, func() { be.GroupedGemm(mid, x, g.Token, w[down:], g.Ends, stride, miniExpertMid, miniHidden, false) }},
		{"down/weights_picked", miniExpertMid, func() {
			be.GroupedGemmWeights(0, dw[down:], x, g.Token, mid, nil, g.Ends, stride, miniHidden, miniExpertMid)
		}},
		{"down/weights", miniExpertMid, func() {
			be.GroupedGemmWeights(0, dw[down:], rows, nil, mid, nil, g.Ends, stride, miniHidden, miniExpertMid)
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				c.f()
			}
			report(b, 2*miniSlots*float64(miniHidden*c.width), peak)
		})
	}
}
