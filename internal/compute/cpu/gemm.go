package cpu

import (
	"sync/atomic"

	"muonclip/internal/compute"
)

// Blocking after Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008), with
// one difference: a block of C of mcBlock x ncBlock, the kcBlock columns of A and the kcBlock rows of B
// that are being multiplied for it all stay in the second-level cache, and the sum over k runs inside the
// block. The third level, slow on servers, then sees A and B once for each block and C once. Blocks of C
// share nothing, so that threads need not wait for each other.
//
// kcBlock decides where sums are cut and so the rounding; it is the same for every instruction set, so
// that AVX2 and AVX-512 give the same bits.
const (
	kcBlock   = 256
	mcBlock   = 480     // a multiple of every tile's mr and of leftWidth
	ncBlock   = 256     // a multiple of every tile's nr
	soloLimit = 1 << 17 // multiplications below which a product is not worth a second thread
)

// operand is a stored matrix, read as it is or transposed.
type operand[T compute.Float] struct {
	data  []T
	ld    int
	trans bool
}

// product is one C = alpha A B + beta D.
type product[T compute.Float] struct {
	kern        *kernels[T]
	amx         bool // compute it with AMX
	m, n, k     int
	alpha, beta T
	lower       bool // compute only what reaches the diagonal or lies below it
	a, b        operand[T]
	c, d        []T // rows of both lie ldc apart; d may be c
	ldc         int
}

// general is C = alpha op(A) op(B) + beta C.
func general[T compute.Float](kern *kernels[T], transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) product[T] {
	return product[T]{
		kern: kern, amx: amxPays(kern, m, n, k), m: m, n: n, k: k, alpha: alpha, beta: beta,
		a: operand[T]{a, lda, transA}, b: operand[T]{b, ldb, transB}, c: c, d: c, ldc: ldc,
	}
}

// Gemm computes C = alpha op(A) op(B) + beta C on all threads, with op(A) of m x k and op(B) of k x n.
func (b *Backend[T]) Gemm(transA, transB bool, m, n, k int, alpha T, a []T, lda int, bm []T, ldb int, beta T, c []T, ldc int) {
	p := general(&b.kern, transA, transB, m, n, k, alpha, a, lda, bm, ldb, beta, c, ldc)
	b.multiply(&p)
}

// Gemm is Backend.Gemm on one goroutine.
func (w *Worker[T]) Gemm(transA, transB bool, m, n, k int, alpha T, a []T, lda int, bm []T, ldb int, beta T, c []T, ldc int) {
	w.multiply(general(w.kern, transA, transB, m, n, k, alpha, a, lda, bm, ldb, beta, c, ldc))
}

// gemm is Gemm, with or without AMX. Whoever cuts a product into several must decide by the whole, so that the
// cut does not touch the result.
func (w *Worker[T]) gemm(amx, transA, transB bool, m, n, k int, alpha T, a []T, lda int, bm []T, ldb int, beta T, c []T, ldc int) {
	p := general(w.kern, transA, transB, m, n, k, alpha, a, lda, bm, ldb, beta, c, ldc)
	p.amx = amx
	w.multiply(p)
}

func (b *Backend[T]) multiply(p *product[T]) {
	if p.empty() {
		return
	}
	threads := len(b.workers)
	if p.m*p.n*p.k < soloLimit {
		threads = 1
	}
	rows, cols := p.grid(threads)
	if threads == 1 || rows*cols == 1 {
		p.all(b.workers[0])
		return
	}
	var next atomic.Int64
	b.For(threads, func(w *Worker[T], _ int) {
		held := -1
		for i := int(next.Add(1)) - 1; i < rows*cols; i = int(next.Add(1)) - 1 {
			held = p.task(w, i, rows, cols, held)
		}
	})
}

func (w *Worker[T]) multiply(p product[T]) {
	if !p.empty() {
		p.all(w)
	}
}

// all computes the product on one worker.
func (p *product[T]) all(w *Worker[T]) {
	rows, cols := p.grid(1)
	held := -1
	for i := range rows * cols {
		held = p.task(w, i, rows, cols, held)
	}
}

// empty reports whether there is nothing to multiply, after doing what is left to do then.
func (p *product[T]) empty() bool {
	if p.m == 0 || p.n == 0 || (p.k > 0 && p.alpha != 0) {
		return p.m == 0 || p.n == 0
	}
	for i := range p.m {
		row := p.c[i*p.ldc : i*p.ldc+p.n]
		if p.beta == 0 { // not 0*x, which would keep a NaN
			clear(row)
			continue
		}
		for j, v := range p.d[i*p.ldc : i*p.ldc+p.n] {
			row[j] = p.beta * v
		}
	}
	return true
}

// blocking is the rows and columns of C that the innermost product computes, the most of both in a block, and where
// sums are cut.
func (p *product[T]) blocking() (mr, nr, mc, nc, kc int) {
	if p.amx {
		return amxSide, amxSide, max(amxBlock/min(p.n, amxCols), amxSide), amxCols, amxDepth
	}
	return p.kern.tile.mr, p.kern.tile.nr, mcBlock, ncBlock, kcBlock
}

// grid is how many blocks the rows and the columns of C are cut into. Every thread gets the same number of
// blocks, at least two, where C has as many tiles, and none has more columns than blocking says, since that is what
// there is room for. The cut does not touch the result.
func (p *product[T]) grid(threads int) (rows, cols int) {
	mr, nr, mc, nc, _ := p.blocking()
	tiles, panels := ceil(p.m, mr), ceil(p.n, nr)
	rows, cols = ceil(p.m, mc), ceil(p.n, nc)
	if threads == 1 {
		return rows, cols
	}
	if want := max(2, ceil(rows*cols, threads)) * threads; rows*cols < want {
		rows = min(tiles, ceil(want, cols))
		cols = max(cols, min(panels, ceil(want, rows)))
	}
	return rows, cols
}

// task computes block i of a grid, the rows of a column of blocks one after another. Where one packing of
// B serves them all, held tells which columns the worker has packed; task returns it for the next.
func (p *product[T]) task(w *Worker[T], i, rows, cols, held int) int {
	mr, nr, _, _, kc := p.blocking()
	r, c := i%rows, i/rows
	if p.lower {
		r = rows - 1 - r // the longest rows first
	}
	tiles, panels := ceil(p.m, mr), ceil(p.n, nr)
	i0, i1 := tiles*r/rows*mr, min(tiles*(r+1)/rows*mr, p.m)
	n0, n1 := panels*c/cols*nr, min(panels*(c+1)/cols*nr, p.n)
	if p.lower && n0 >= i1 {
		return held
	}
	for k0 := 0; k0 < p.k; k0 += kc {
		depth := min(kc, p.k-k0)
		if p.k > kc || held != n0 {
			p.right(w, n0, n1, k0, depth)
			held = n0
		}
		if p.amx {
			p.blockAMX(w, i0, i1, n0, n1, k0, depth)
		} else {
			p.block(w, i0, i1, n0, n1, k0, depth)
		}
	}
	return held
}

// block adds the products of columns [k0, k0+depth) of A and the packed rows of B to rows [i0, i1) and
// columns [n0, n1) of C.
func (p *product[T]) block(w *Worker[T], i0, i1, n0, n1, k0, depth int) {
	t := &p.kern.tile
	left := p.left(w, i0, i1, k0, depth)
	beta, d := p.beta, p.d
	if k0 > 0 {
		beta, d = 1, p.c
	}
	for j := n0; j < n1; j += t.nr {
		panel := &w.packB[(j-n0)*depth+(j-n0)/t.nr*panelGap]
		for i := i0; i < i1; i += t.mr {
			rows, cols := min(t.mr, i1-i), min(t.nr, n1-j)
			if p.lower {
				if cols = min(cols, i+rows-j); cols <= 0 {
					continue
				}
			}
			at := i*p.ldc + j
			var added *T
			if beta != 0 {
				added = &d[at]
			}
			t.mul(depth, left.row(i-i0), left.rs, left.cs, panel, &p.c[at], p.ldc, added, p.alpha, beta, rows, cols)
		}
	}
}

func ceil(a, b int) int { return (a + b - 1) / b }
