package cuda

// Gemm computes C = alpha op(A) op(B) + beta C by cuBLAS; see compute.Backend. In bf16 precision it reads copies in bf16 of matrices
// without gaps between their rows, and has cuBLAS round others.
func (b *Backend) Gemm(transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, w []float32, ldb int, beta float32, c []float32, ldc int) {
	if m == 0 || n == 0 {
		return
	}
	g := gemm{transA: transA, transB: transB, m: m, n: n, k: k, batch: 1, alpha: alpha, beta: beta, lda: lda, ldb: ldb, ldc: ldc}
	colsA, colsB := k, n
	if transA {
		colsA = m
	}
	if transB {
		colsB = k
	}
	switch rounded := b.opt.Precision == BF16 && !b.exact; {
	case k == 0: // of no products there is nothing to add; cuBLAS wants at least one
		g.alpha, g.k, g.lda, g.ldb = 0, 1, max(1, m), max(1, n)
	case rounded && lda == colsA && ldb == colsB:
		x, y := b.halfPair(a[:m*k], lda, w[:k*n], ldb)
		g.in, g.a, g.lda, g.b, g.ldb = bf16, uintptr(x.at), x.ld, uintptr(y.at), y.ld
	default:
		g.a, g.b, g.fast = uintptr(at(b, a)), uintptr(at(b, w)), rounded
	}
	g.c = uintptr(into(b, c)) // after the copies of the operands: what is written now is not in them
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
