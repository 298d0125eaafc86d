package cpu

import "muonclip/internal/compute"

// syrk is C = alpha X X^T + beta C.
func syrk[T compute.Float](kern *kernels[T], n, k int, alpha T, x []T, ldx int, beta T, c []T, ldc int) product[T] {
	p := general(kern, false, true, n, n, k, alpha, x, ldx, x, ldx, beta, c, ldc)
	p.lower = true
	return p
}

// square is C = alpha A A + beta A.
func square[T compute.Float](kern *kernels[T], n int, alpha T, a []T, beta T, c []T, ld int) product[T] {
	p := general(kern, false, false, n, n, n, alpha, a, ld, a, ld, beta, c, ld)
	p.lower, p.d = true, a
	return p
}

// Syrk computes the symmetric C = alpha X X^T + beta C for X of n x k with little more than half the
// multiplications of Gemm. C must be symmetric where beta is not zero.
func (b *Backend[T]) Syrk(n, k int, alpha T, x []T, ldx int, beta T, c []T, ldc int) {
	p := syrk(&b.kern, n, k, alpha, x, ldx, beta, c, ldc)
	b.symmetric(&p)
}

// Square computes C = alpha A A + beta A for a symmetric A of n x n at the same half cost. Rows of A and of
// C, which are two matrices, lie ld apart.
func (b *Backend[T]) Square(n int, alpha T, a []T, beta T, c []T, ld int) {
	p := square(&b.kern, n, alpha, a, beta, c, ld)
	b.symmetric(&p)
}

func (b *Backend[T]) symmetric(p *product[T]) {
	b.multiply(p)
	b.chunks(p.n, 4*mirrorBlock, func(w *Worker[T], lo, hi int) { mirror(w.kern, p.c, p.ldc, lo, hi) })
}

// Syrk is Backend.Syrk on one goroutine.
func (w *Worker[T]) Syrk(n, k int, alpha T, x []T, ldx int, beta T, c []T, ldc int) {
	w.symmetric(syrk(w.kern, n, k, alpha, x, ldx, beta, c, ldc))
}

// Square is Backend.Square on one goroutine.
func (w *Worker[T]) Square(n int, alpha T, a []T, beta T, c []T, ld int) {
	w.symmetric(square(w.kern, n, alpha, a, beta, c, ld))
}

func (w *Worker[T]) symmetric(p product[T]) {
	w.multiply(p)
	mirror(w.kern, p.c, p.ldc, 0, p.n)
}

// mirrorBlock is the side of the squares on the diagonal that mirror turns over element by element.
const mirrorBlock = 16

// mirror copies what lies below the diagonal of c to above it, for rows [lo, hi) below; lo is a
// multiple of mirrorBlock.
func mirror[T compute.Float](kern *kernels[T], c []T, ldc, lo, hi int) {
	for i := lo; i < hi; i += mirrorBlock {
		rows := min(mirrorBlock, hi-i)
		if i > 0 {
			kern.transpose(c[i:], ldc, c[i*ldc:], ldc, rows, i)
		}
		for r := i + 1; r < i+rows; r++ {
			for j, v := range c[r*ldc+i : r*ldc+r] {
				c[(i+j)*ldc+r] = v
			}
		}
	}
}
