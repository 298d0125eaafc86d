package cpu

import (
	"math/rand/v2"
	"testing"
)

// streamed runs an operation whose cost is that of moving bytes, which is the rate that it reports.
func streamed(b *testing.B, name string, bytes int64, f func()) {
	b.Run(name, func(b *testing.B) {
		b.SetBytes(bytes)
		for b.Loop() {
			f()
		}
	})
}

// randomIDs are n numbers below limit.
func randomIDs(r *rand.Rand, n int, limit int32) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = r.Int32N(limit)
	}
	return ids
}

// BenchmarkElementwise runs what passes once over memory, at the sizes of a layer of the preset mini.
func BenchmarkElementwise(b *testing.B) {
	const n = miniTokens * miniHidden
	be := New[float32](0)
	r := rand.New(rand.NewPCG(1, 2))
	x, y := random[float32](r, n), random[float32](r, n)
	table, ids := random[float32](r, miniVocab*miniHidden), randomIDs(r, miniTokens, miniVocab)
	streamed(b, "zero", 4*n, func() { be.Zero(y) })
	streamed(b, "add", 3*4*n, func() { be.Add(y, x) })
	streamed(b, "embed", 2*4*n, func() { be.Embed(y, table, ids, miniHidden) })
	streamed(b, "embed_backward", 3*4*n, func() { be.EmbedBackward(table, x, ids, miniHidden) })
}

// BenchmarkRMSNorm normalises the residual stream, with and without the sum that comes before.
func BenchmarkRMSNorm(b *testing.B) {
	const n = miniTokens * miniHidden
	be := New[float32](0)
	r := rand.New(rand.NewPCG(3, 4))
	x, y, dx, delta := random[float32](r, n), random[float32](r, n), make([]float32, n), make([]float32, n)
	w, dw, rstd := random[float32](r, miniHidden), make([]float32, miniHidden), make([]float32, miniTokens)
	streamed(b, "forward", 2*4*n, func() { be.RMSNorm(y, rstd, x, miniHidden, nil, w, 1e-6) })
	streamed(b, "forward_sum", 4*4*n, func() { be.RMSNorm(y, rstd, x, miniHidden, delta, w, 1e-6) })
	streamed(b, "backward", 4*4*n, func() {
		be.RMSNormBackward(dx, miniHidden, dw, y, x, miniHidden, w, rstd)
	})
}

// BenchmarkSwiGLU is the activation of all experts of a layer.
func BenchmarkSwiGLU(b *testing.B) {
	const n = miniSlots * miniExpertMid
	be := New[float32](0)
	r := rand.New(rand.NewPCG(5, 6))
	gu, from, act, dAct := make([]float32, 2*n), random[float32](r, 2*n), make([]float32, n), random[float32](r, n)
	scale, dScale := random[float32](r, miniSlots), make([]float32, miniSlots)
	streamed(b, "forward", 3*4*n, func() { be.SwiGLU(act, from, miniExpertMid) })
	streamed(b, "backward", 6*4*n, func() { // gu, which is overwritten, is zero and stays it: values do not change the cost
		be.SwiGLUBackward(gu, dAct, act, nil, nil, miniExpertMid)
	})
	streamed(b, "backward_scaled", 6*4*n, func() { be.SwiGLUBackward(gu, dAct, act, scale, dScale, miniExpertMid) })
}

// BenchmarkCrossEntropy is the loss and gradient of as many rows as a step takes at a time.
func BenchmarkCrossEntropy(b *testing.B) {
	const rows = 256
	be := New[float32](0)
	r := rand.New(rand.NewPCG(7, 8))
	logits, loss, scale := random[float32](r, rows*miniVocab), make([]float32, rows), random[float32](r, rows)
	targets := randomIDs(r, rows, miniVocab)
	streamed(b, "cross_entropy", 2*4*rows*miniVocab, func() { be.CrossEntropy(loss, logits, targets, miniVocab, scale) })
}

// BenchmarkExp is the sum of exponentials of one row of logits, as softmax takes it; the rate is of elements.
func BenchmarkExp(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 10))
	src, dst := random[float32](r, miniVocab), make([]float32, miniVocab)
	for name, kern := range map[string]kernels[float32]{"chosen": kernelsFor[float32](), "go": goKernels[float32]()} {
		b.Run(name, func(b *testing.B) {
			e, parts := Exp[float32]{kern}, []float64(nil)
			for b.Loop() {
				_, parts = e.Sums(dst, src, 1, parts[:0])
			}
			b.ReportMetric(miniVocab*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gelement/s")
		})
	}
}
