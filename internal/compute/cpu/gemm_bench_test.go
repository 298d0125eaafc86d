package cpu

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// gemmShape is one product of a training step of the presets mini (8 x 256 tokens) or small-moe (4 x 1024): op(A) of
// m x k and op(B) of k x n. Forward products are "nt" (B transposed), gradients of inputs "nn", gradients of
// weights "tn", as in BLAS.
type gemmShape struct {
	name, kind string
	m, n, k    int
	beta       float32
}

// linearShapes are the three products of a linear layer of in to out for a number of rows.
func linearShapes(name string, rows, out, in int) []gemmShape {
	return []gemmShape{
		{name, "nt", rows, out, in, 0},
		{name, "nn", rows, in, out, 1},
		{name, "tn", out, in, rows, 1},
	}
}

// trainingShapes lists the products that both presets make on all threads: linear layers and the head, which takes
// 512 rows of logits at a time. Experts and Newton-Schulz run on one thread each, see workerShapes.
func trainingShapes() []gemmShape {
	var s []gemmShape
	s = append(s, linearShapes("mini/q_a", 2048, 128, 256)...)
	s = append(s, linearShapes("mini/q_b", 2048, 384, 128)...)
	s = append(s, linearShapes("mini/kv_a", 2048, 80, 256)...)
	s = append(s, linearShapes("mini/kv_b", 2048, 512, 64)...)
	s = append(s, linearShapes("mini/o", 2048, 256, 256)...)
	s = append(s, linearShapes("mini/dense_gate_up", 2048, 1536, 256)...)
	s = append(s, linearShapes("mini/dense_down", 2048, 256, 768)...)
	s = append(s, linearShapes("mini/router", 2048, 16, 256)...)
	s = append(s, linearShapes("mini/shared_down", 2048, 256, 128)...)
	s = append(s, linearShapes("mini/head", 512, 4096, 256)...)
	s = append(s, linearShapes("small/q_a", 4096, 256, 512)...)
	s = append(s, linearShapes("small/q_b", 4096, 768, 256)...)
	s = append(s, linearShapes("small/kv_a", 4096, 160, 512)...)
	s = append(s, linearShapes("small/kv_b", 4096, 1024, 128)...)
	s = append(s, linearShapes("small/router", 4096, 64, 512)...)
	s = append(s, linearShapes("small/head", 512, 32768, 512)...)
	return s
}

// workerShapes are the products that one worker makes while others make their own: an expert's rows, and the
// products of Newton-Schulz.
func workerShapes() []gemmShape {
	var s []gemmShape
	s = append(s, linearShapes("mini/gate_up", 512, 256, 256)...)
	s = append(s, linearShapes("mini/down", 512, 256, 128)...)
	s = append(s, linearShapes("mini/few_rows", 24, 256, 256)...)
	s = append(s, linearShapes("small/gate_up", 384, 512, 512)...)
	s = append(s, linearShapes("small/down", 384, 512, 256)...)
	s = append(s, linearShapes("small/few_rows", 24, 512, 512)...)
	s = append(s, gemmShape{"mini/ns_bx", "nn", 128, 256, 128, 0}, gemmShape{"small/ns_bx", "nn", 256, 512, 256, 0})
	return s
}

// strides tells how both operands are stored.
func (s *gemmShape) strides() (transA, transB bool, lda, ldb int) {
	switch s.kind {
	case "nt":
		return false, true, s.k, s.k
	case "nn":
		return false, false, s.k, s.n
	}
	return true, false, s.m, s.n
}

// BenchmarkGEMM reports the rate of every product of a training step, and its share of the peak that the same
// backend reaches on a large square product.
func BenchmarkGEMM(b *testing.B) {
	for _, threads := range []int{1, 2} {
		be := New[float32](threads)
		peak := be.Peak()
		for _, s := range trainingShapes() {
			b.Run(fmt.Sprintf("threads=%d/%s/%s_%dx%dx%d", threads, s.name, s.kind, s.m, s.n, s.k), func(b *testing.B) {
				benchmarkShape(b, s, peak, be.Gemm)
			})
		}
	}
	be := New[float32](1)
	peak := be.Peak()
	for _, s := range workerShapes() {
		b.Run(fmt.Sprintf("worker/%s/%s_%dx%dx%d", s.name, s.kind, s.m, s.n, s.k), func(b *testing.B) {
			benchmarkShape(b, s, peak, be.workers[0].Gemm)
		})
	}
	for _, s := range [][2]int{{128, 256}, {128, 128}, {256, 512}, {256, 256}} {
		n, k := s[0], s[1]
		b.Run(fmt.Sprintf("worker/syrk/%dx%d", n, k), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			x, c := random[float32](r, n*k), make([]float32, n*n)
			for b.Loop() {
				be.workers[0].Syrk(n, k, 1, x, k, 0, c, n)
			}
			report(b, float64(n)*float64(n)*float64(k), peak)
		})
	}
}

type gemmFunc func(transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, bm []float32, ldb int, beta float32, c []float32, ldc int)

func benchmarkShape(b *testing.B, s gemmShape, peak float64, gemm gemmFunc) {
	r := rand.New(rand.NewPCG(1, 2))
	transA, transB, lda, ldb := s.strides()
	x, y, z := random[float32](r, s.m*s.k), random[float32](r, s.n*s.k), make([]float32, s.m*s.n)
	for b.Loop() {
		gemm(transA, transB, s.m, s.n, s.k, 1, x, lda, y, ldb, s.beta, z, s.n)
	}
	report(b, 2*float64(s.m)*float64(s.n)*float64(s.k), peak)
}

func report(b *testing.B, flops, peak float64) {
	rate := flops * float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rate/1e9, "GFLOP/s")
	b.ReportMetric(100*rate/peak, "%peak")
}
