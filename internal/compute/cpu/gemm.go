package cpu

import "muonclip/internal/compute"

// Blocking after Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008):
// a kcBlock x nr panel of B stays in the first-level cache, an mcBlock x kcBlock block of A and an
// ncBlock wide part of B in the second. kcBlock decides where sums are cut and so the rounding; it
// is the same for every instruction set. AVX2 and AVX-512 give the same bits where alpha is a power of
// two; with another alpha, tiles that stick out of C round its product before they add it.
const (
	kcBlock   = 256
	mcBlock   = 96 // a multiple of every kernel's mr
	ncBlock   = 512
	packLimit = 4 << 20 // elements of B packed at a time
)

// operand is a stored matrix, read as it is or transposed.
type operand[T compute.Float] struct {
	data  []T
	ld    int
	trans bool
}

// product is one C = alpha A B + beta C in progress, with B packed.
type product[T compute.Float] struct {
	kern       *kernels[T]
	m, n, k    int
	alpha      T
	accumulate bool
	lower      bool // compute only tiles that reach the diagonal or lie below it
	a          operand[T]
	b          operand[T]
	c          []T
	ldc        int
	packed     []T
}

// Gemm computes C = alpha op(A) op(B) + beta C on all threads.
func (b *Backend[T]) Gemm(transA, transB bool, m, n, k int, alpha T, a []T, lda int, bm []T, ldb int, beta T, c []T, ldc int) {
	b.multiply(product[T]{
		kern: &b.kern, m: m, n: n, k: k, alpha: alpha, a: operand[T]{a, lda, transA}, b: operand[T]{bm, ldb, transB}, c: c, ldc: ldc,
	}, beta)
}

// Syrk computes the symmetric C = alpha X X^T + beta C for X of n x k with half the multiplications
// of Gemm. C must be symmetric where beta is not zero.
func (b *Backend[T]) Syrk(n, k int, alpha T, x []T, ldx int, beta T, c []T, ldc int) {
	b.multiply(product[T]{
		kern: &b.kern, m: n, n: n, k: k, alpha: alpha, lower: true, a: operand[T]{x, ldx, false}, b: operand[T]{x, ldx, true}, c: c, ldc: ldc,
	}, beta)
	b.chunks(n, 2*mirrorBlock, func(w *Worker[T], lo, hi int) { mirror(w.kern, c, ldc, lo, hi) })
}

func (b *Backend[T]) multiply(p product[T], beta T) {
	if !p.begin(beta) {
		return
	}
	threads := len(b.workers)
	for j0 := 0; j0 < p.n; {
		j1 := min(p.n, j0+p.columnsAtOnce())
		b.packed = grow(b.packed, p.packedSize(j1-j0))
		q := p
		q.packed = b.packed
		panels := ceil(j1-j0, q.kern.nr)
		b.chunks(panels*ceil(q.k, kcBlock), max(1, panels/(4*threads)), func(_ *Worker[T], lo, hi int) {
			for i := lo; i < hi; i++ {
				q.packPanel(j0, j1, i%panels, i/panels*kcBlock)
			}
		})
		mc := min(mcBlock, ceil(ceil(q.m, 4*threads), q.kern.mr)*q.kern.mr)
		mBlocks, nBlocks := ceil(q.m, mc), ceil(j1-j0, ncBlock)
		b.For(mBlocks*nBlocks, func(w *Worker[T], i int) {
			i0, n0 := i%mBlocks*mc, j0+i/mBlocks*ncBlock
			q.block(w, j0, j1, i0, min(i0+mc, q.m), n0, min(n0+ncBlock, j1))
		})
		j0 = j1
	}
}

// Gemm is Backend.Gemm on one goroutine.
func (w *Worker[T]) Gemm(transA, transB bool, m, n, k int, alpha T, a []T, lda int, bm []T, ldb int, beta T, c []T, ldc int) {
	w.multiply(product[T]{
		kern: w.kern, m: m, n: n, k: k, alpha: alpha, a: operand[T]{a, lda, transA}, b: operand[T]{bm, ldb, transB}, c: c, ldc: ldc,
	}, beta)
}

// Syrk is Backend.Syrk on one goroutine.
func (w *Worker[T]) Syrk(n, k int, alpha T, x []T, ldx int, beta T, c []T, ldc int) {
	w.multiply(product[T]{
		kern: w.kern, m: n, n: n, k: k, alpha: alpha, lower: true, a: operand[T]{x, ldx, false}, b: operand[T]{x, ldx, true}, c: c, ldc: ldc,
	}, beta)
	mirror(w.kern, c, ldc, 0, n)
}

func (w *Worker[T]) multiply(p product[T], beta T) {
	if !p.begin(beta) {
		return
	}
	for j0 := 0; j0 < p.n; {
		j1 := min(p.n, j0+p.columnsAtOnce())
		w.packB = grow(w.packB, p.packedSize(j1-j0))
		p.packed = w.packB
		for k0 := 0; k0 < p.k; k0 += kcBlock {
			for i := range ceil(j1-j0, p.kern.nr) {
				p.packPanel(j0, j1, i, k0)
			}
		}
		for n0 := j0; n0 < j1; n0 += ncBlock {
			for i0 := 0; i0 < p.m; i0 += mcBlock {
				p.block(w, j0, j1, i0, min(i0+mcBlock, p.m), n0, min(n0+ncBlock, j1))
			}
		}
		j0 = j1
	}
}

// begin applies beta and reports whether anything is left to add.
func (p *product[T]) begin(beta T) bool {
	if p.m == 0 || p.n == 0 {
		return false
	}
	empty := p.k == 0 || p.alpha == 0
	if beta != 1 && (beta != 0 || empty) {
		for i := range p.m {
			row := p.c[i*p.ldc : i*p.ldc+p.n]
			for j := range row {
				if beta == 0 { // not 0*x, which would keep a NaN
					row[j] = 0
				} else {
					row[j] *= beta
				}
			}
		}
	}
	p.accumulate = beta != 0
	return !empty
}

func (p *product[T]) columnsAtOnce() int {
	return max(p.kern.nr, packLimit/p.k/p.kern.nr*p.kern.nr)
}

func (p *product[T]) packedSize(columns int) int {
	return ceil(columns, p.kern.nr) * p.kern.nr * p.k
}

// panel is where the packed panel lies that begins at column j0+i*nr and row k0, and its depth.
func (p *product[T]) panel(j0, j1, i, k0 int) ([]T, int) {
	nr, depth := p.kern.nr, min(kcBlock, p.k-k0)
	width := ceil(j1-j0, nr) * nr
	return p.packed[k0*width+i*nr*depth:][:nr*depth], depth
}

func (p *product[T]) packPanel(j0, j1, i, k0 int) {
	dst, depth := p.panel(j0, j1, i, k0)
	nr := p.kern.nr
	col := j0 + i*nr
	cols := min(nr, j1-col)
	if cols < nr {
		clear(dst)
	}
	if p.b.trans {
		p.kern.transpose(dst, nr, p.b.data[col*p.b.ld+k0:], p.b.ld, cols, depth)
		return
	}
	p.kern.copyRows(dst, nr, p.b.data[k0*p.b.ld+col:], p.b.ld, depth, cols)
}

// packRows packs rows [i0, i1) of A between columns k0 and k0+depth into panels of mr rows.
func (p *product[T]) packRows(dst []T, i0, i1, k0, depth int) {
	mr := p.kern.mr
	for i := i0; i < i1; i += mr {
		rows := min(mr, i1-i)
		panel := dst[:mr*depth]
		dst = dst[mr*depth:]
		if rows < mr {
			clear(panel)
		}
		if !p.a.trans {
			if src := p.a.data[i*p.a.ld+k0:]; rows == mr && i+8 <= p.m {
				p.kern.transposeWide(panel, mr, src, p.a.ld, rows, depth)
			} else {
				p.kern.transpose(panel, mr, src, p.a.ld, rows, depth)
			}
			continue
		}
		p.kern.copyRows(panel, mr, p.a.data[k0*p.a.ld+i:], p.a.ld, depth, rows)
	}
}

// block computes rows [i0, i1) and columns [n0, n1) of C, whose B was packed from columns [j0, j1).
func (p *product[T]) block(w *Worker[T], j0, j1, i0, i1, n0, n1 int) {
	mr, nr := p.kern.mr, p.kern.nr
	if p.lower && n0 >= i1 {
		return
	}
	w.packA = grow(w.packA, mcBlock*kcBlock+8) // transposeWide may write past a panel
	w.tile = grow(w.tile, mr*nr)
	for k0 := 0; k0 < p.k; k0 += kcBlock {
		depth := min(kcBlock, p.k-k0)
		p.packRows(w.packA, i0, i1, k0, depth)
		accumulate := p.accumulate || k0 > 0
		for j := n0; j < n1; j += nr {
			bp, _ := p.panel(j0, j1, (j-j0)/nr, k0)
			cols := min(nr, n1-j)
			for i := i0; i < i1; i += mr {
				rows := min(mr, i1-i)
				if p.lower && j >= i+rows {
					continue
				}
				ap := &w.packA[(i-i0)*depth]
				if rows == mr && cols == nr {
					p.kern.gemm(depth, ap, &bp[0], &p.c[i*p.ldc+j], p.ldc, p.alpha, accumulate)
					continue
				}
				p.kern.gemm(depth, ap, &bp[0], &w.tile[0], nr, p.alpha, false)
				for r := range rows {
					dst, src := p.c[(i+r)*p.ldc+j:][:cols], w.tile[r*nr:]
					for x := range dst {
						if accumulate {
							dst[x] += src[x]
						} else {
							dst[x] = src[x]
						}
					}
				}
			}
		}
	}
}

// mirrorBlock is the side of the squares that mirror turns over, small enough for the first-level cache.
const mirrorBlock = 32

// mirror copies what lies below the diagonal of c to above it, for rows [lo, hi) below; lo is a
// multiple of mirrorBlock.
func mirror[T compute.Float](kern *kernels[T], c []T, ldc, lo, hi int) {
	for i := lo; i < hi; i += mirrorBlock {
		rows := min(mirrorBlock, hi-i)
		for j := 0; j < i; j += mirrorBlock {
			kern.transpose(c[j*ldc+i:], ldc, c[i*ldc+j:], ldc, rows, mirrorBlock)
		}
		for r := i + 1; r < i+rows; r++ {
			for j := i; j < r; j++ {
				c[j*ldc+r] = c[r*ldc+j]
			}
		}
	}
}

func ceil(a, b int) int { return (a + b - 1) / b }
