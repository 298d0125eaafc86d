package cpu

import "muonclip/internal/compute"

// Syrk computes the symmetric C = alpha X X^T + beta C for X of n x k with little more than half the
// multiplications of Gemm. C must be symmetric where beta is not zero.
func (b *Backend[T]) Syrk(n, k int, alpha T, x []T, ldx int, beta T, c []T, ldc int) {
	b.symmetric(&product[T]{
		kern: &b.kern, amx: amxPays(&b.kern, n, n, k), m: n, n: n, k: k, alpha: alpha, beta: beta, lower: true,
		a: operand[T]{x, ldx, false}, b: operand[T]{x, ldx, true}, c: c, d: c, ldc: ldc,
	})
}

// Square computes C = alpha A A + beta A for a symmetric A of n x n at the same half cost. Rows of A and of
// C, which are two matrices, lie ld apart.
func (b *Backend[T]) Square(n int, alpha T, a []T, beta T, c []T, ld int) {
	b.symmetric(&product[T]{
		kern: &b.kern, amx: amxPays(&b.kern, n, n, n), m: n, n: n, k: n, alpha: alpha, beta: beta, lower: true,
		a: operand[T]{a, ld, false}, b: operand[T]{a, ld, false}, c: c, d: a, ldc: ld,
	})
}

func (b *Backend[T]) symmetric(p *product[T]) {
	b.multiply(p)
	b.chunks(p.n, 4*mirrorBlock, func(w *Worker[T], lo, hi int) { mirror(w.kern, p.c, p.ldc, lo, hi) })
}

// Syrk is Backend.Syrk on one goroutine.
func (w *Worker[T]) Syrk(n, k int, alpha T, x []T, ldx int, beta T, c []T, ldc int) {
	w.multiply(product[T]{
		kern: w.kern, amx: amxPays(w.kern, n, n, k), m: n, n: n, k: k, alpha: alpha, beta: beta, lower: true,
		a: operand[T]{x, ldx, false}, b: operand[T]{x, ldx, true}, c: c, d: c, ldc: ldc,
	})
	mirror(w.kern, c, ldc, 0, n)
}

// Square is Backend.Square on one goroutine.
func (w *Worker[T]) Square(n int, alpha T, a []T, beta T, c []T, ld int) {
	w.multiply(product[T]{
		kern: w.kern, amx: amxPays(w.kern, n, n, n), m: n, n: n, k: n, alpha: alpha, beta: beta, lower: true,
		a: operand[T]{a, ld, false}, b: operand[T]{a, ld, false}, c: c, d: a, ldc: ld,
	})
	mirror(w.kern, c, ld, 0, n)
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
