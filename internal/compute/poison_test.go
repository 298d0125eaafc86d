package compute_test

import (
	"math"
	"testing"

	"muonclip/internal/compute"
)

// strict is a backend that hands out NaN instead of zeros and fills every free buffer of the tape with
// NaN before each kernel, so that a result shows whether anything was read that should not be. It counts
// the elements that it hands out.
type strict[T compute.Float] struct {
	compute.Backend[T]
	t        *testing.T
	tape     *compute.Tape[T]
	allocs   int
	elements int
}

// newStrict returns a tape over a strict backend.
func newStrict[T compute.Float](t *testing.T, be compute.Backend[T]) (*compute.Tape[T], *strict[T]) {
	s := &strict[T]{Backend: be, t: t}
	s.tape = compute.NewTape[T](s)
	return s.tape, s
}

func (s *strict[T]) Alloc(n int) []T {
	s.allocs++
	s.elements += n
	x := s.Backend.Alloc(n)
	for i := range x {
		x[i] = T(math.NaN())
	}
	return x
}

func (s *strict[T]) poison() {
	s.t.Helper()
	if err := compute.Poison(s.tape, T(math.NaN()), 1<<30); err != nil {
		s.t.Fatal(err)
	}
}

func (s *strict[T]) Gemm(transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	s.poison()
	s.Backend.Gemm(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

func (s *strict[T]) Zero(dst []T) {
	s.poison()
	s.Backend.Zero(dst)
}

func (s *strict[T]) Add(dst, src []T) {
	s.poison()
	s.Backend.Add(dst, src)
}

func (s *strict[T]) Embed(out, table []T, ids []int32, width int) {
	s.poison()
	s.Backend.Embed(out, table, ids, width)
}

func (s *strict[T]) EmbedBackward(dTable, dOut []T, ids []int32, width int) {
	s.poison()
	s.Backend.EmbedBackward(dTable, dOut, ids, width)
}

func (s *strict[T]) RMSNorm(y, rstd, x []T, ldx int, delta, w []T, eps T) {
	s.poison()
	s.Backend.RMSNorm(y, rstd, x, ldx, delta, w, eps)
}

func (s *strict[T]) RMSNormBackward(dx []T, lddx int, dw, dy, x []T, ldx int, w, rstd []T) {
	s.poison()
	s.Backend.RMSNormBackward(dx, lddx, dw, dy, x, ldx, w, rstd)
}

func (s *strict[T]) Attention(a *compute.AttentionArgs[T]) {
	s.poison()
	s.Backend.Attention(a)
}

func (s *strict[T]) AttentionBackward(a *compute.AttentionArgs[T]) {
	s.poison()
	s.Backend.AttentionBackward(a)
}

func (s *strict[T]) SwiGLU(act, gu []T, width int) {
	s.poison()
	s.Backend.SwiGLU(act, gu, width)
}

func (s *strict[T]) SwiGLUBackward(gu, dAct, act, scale, dScale []T, width int) {
	s.poison()
	s.Backend.SwiGLUBackward(gu, dAct, act, scale, dScale, width)
}

func (s *strict[T]) Route(a *compute.RouteArgs[T]) {
	s.poison()
	s.Backend.Route(a)
}

func (s *strict[T]) RouteBackward(a *compute.RouteArgs[T]) {
	s.poison()
	s.Backend.RouteBackward(a)
}

func (s *strict[T]) Group(index []int32, k int, load []int32, g compute.Groups) {
	s.poison()
	s.Backend.Group(index, k, load, g)
}

func (s *strict[T]) Gather(dst, src []T, rows []int32, width int) {
	s.poison()
	s.Backend.Gather(dst, src, rows, width)
}

func (s *strict[T]) Combine(dst, src []T, slot []int32, w []T, k, width int) {
	s.poison()
	s.Backend.Combine(dst, src, slot, w, k, width)
}

func (s *strict[T]) GroupedGemm(y, x []T, rows []int32, w []T, ends []int32, stride, out, in int, transW bool) {
	s.poison()
	s.Backend.GroupedGemm(y, x, rows, w, ends, stride, out, in, transW)
}

func (s *strict[T]) GroupedGemmWeights(beta T, dw, dy []T, dyRows []int32, x []T, xRows []int32, ends []int32, stride, out, in int) {
	s.poison()
	s.Backend.GroupedGemmWeights(beta, dw, dy, dyRows, x, xRows, ends, stride, out, in)
}

func (s *strict[T]) CrossEntropy(loss, logits []T, targets []int32, vocab int, scale []T) {
	s.poison()
	s.Backend.CrossEntropy(loss, logits, targets, vocab, scale)
}
