package cuda

// Gemm computes C = alpha op(A) op(B) + beta C by cuBLAS; see compute.Backend.
func (b *Backend) Gemm(transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, w []float32, ldb int, beta float32, c []float32, ldc int) {
	if m == 0 || n == 0 {
		return
	}
	if k == 0 { // of no products there is nothing to add; cuBLAS wants at least one
		alpha, k, lda, ldb = 0, 1, max(1, m), max(1, n)
	}
	g := gemm{
		transA: transA, transB: transB, m: m, n: n, k: k, batch: 1, alpha: alpha, beta: beta,
		a: address(b, a), b: address(b, w), c: address(b, c), lda: lda, ldb: ldb, ldc: ldc, fast: b.opt.Precision == BF16 && !b.exact,
	}
	b.check()
	b.must("multiply", b.drv.gemm(&g))
	b.block("multiply")
}

// Exactly runs f with plain products of float32.
func (b *Backend) Exactly(f func()) {
	b.exact = true
	defer func() { b.exact = false }()
	f()
}
