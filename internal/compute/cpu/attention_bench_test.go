package cpu

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"muonclip/internal/compute"
)

// BenchmarkAttention runs one layer of latent attention with the heads of the preset mini. The rate counts the two
// products of the forward pass and the four of the backward pass, each over the positions that a query sees.
func BenchmarkAttention(b *testing.B) {
	for _, s := range [][2]int{{8, 256}, {4, 1024}, {1, 8192}} {
		a := latentArgs(s[0], s[1], 8)
		be := New[float32](0)
		flops := 2 * float64(s[0]) * float64(s[1]) * float64(s[1]+1) / 2 * 8 * (48 + 32)
		b.Run(fmt.Sprintf("forward/%dx%d", s[0], s[1]), func(b *testing.B) {
			for b.Loop() {
				be.Attention(a)
			}
			b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
		b.Run(fmt.Sprintf("backward/%dx%d", s[0], s[1]), func(b *testing.B) {
			for b.Loop() {
				be.AttentionBackward(a)
			}
			b.ReportMetric(2*flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

// latentArgs lays out one layer of latent attention: heads of 32+16 and 32 elements, as the tape does.
func latentArgs(batch, seq, count int) *compute.AttentionArgs[float32] {
	const nope, rope, v = 32, 16, 32
	r := rand.New(rand.NewPCG(3, 4))
	n := batch * seq
	cols := func(ld, off, stride int) compute.HeadCols[float32] {
		return compute.HeadCols[float32]{Data: random[float32](r, n*ld), Grad: make([]float32, n*ld), Ld: ld, Off: off, Stride: stride}
	}
	a := &compute.AttentionArgs[float32]{
		Batch: batch, Seq: seq, Heads: count, Group: 1, Nope: nope, Rope: rope, V: v, Scale: 0.14,
		Cos: random[float32](r, seq*rope/2), Sin: random[float32](r, seq*rope/2),
		Q: cols(count*(nope+rope), 0, nope+rope), KNope: cols(count*(nope+v), 0, nope+v), KRope: cols(64+rope, 64, 0),
		Out: make([]float32, n*count*v), LSE: make([]float32, n*count), MaxLogit: make([]float32, count),
		DOut: random[float32](r, n*count*v), KRopeParts: make([]float32, n*count*rope),
	}
	a.Value = a.KNope
	a.Value.Off = nope
	return a
}
