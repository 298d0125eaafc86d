package optim

import (
	"math"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
)

// basis orthonormalises the rows of a matrix.
type basis[T compute.Float] struct {
	alive []bool    // by row: false where it depended on those above it and was set to zero
	coef  []T       // products with the rows above
	norms []float64 // of the rows in hand, before
	vec   cpu.Updates[T]
}

// gramBlock is the number of rows that are made orthogonal among themselves at a time. Products with the rows above
// the block are matrix products, which leaves little for plain loops.
const gramBlock = 16

// orthonormalize makes the rows of x, n of a width, orthonormal by the block form of Gram-Schmidt, done twice: one
// round leaves errors of the size of the rounding over the share of a row that is new, the second none to speak of
// (Giraud, Langou and Rozloznik, "The loss of orthogonality in the Gram-Schmidt orthogonalization process", 2005).
// A row that is a combination of those above it, up to rounding, becomes zero.
func (b *basis[T]) orthonormalize(k kernels[T], x []T, n, width int) {
	if cap(b.alive) < n {
		b.alive, b.coef, b.norms = make([]bool, n), make([]T, gramBlock*n), make([]float64, gramBlock)
	}
	b.alive = b.alive[:n]
	tol := 64 * epsilon[T]()
	for lo := 0; lo < n; lo += gramBlock {
		hi := min(lo+gramBlock, n)
		rows := x[lo*width : hi*width]
		for i := range hi - lo {
			b.norms[i] = math.Sqrt(sumSquares(rows[i*width : (i+1)*width]))
		}
		for range 2 {
			if lo > 0 {
				k.Gemm(false, true, hi-lo, lo, width, 1, rows, width, x, width, 0, b.coef, lo)
				k.Gemm(false, false, hi-lo, width, lo, -1, b.coef, lo, x, width, 1, rows, width)
			}
			for i := range hi - lo {
				row := rows[i*width : (i+1)*width]
				for j := range i {
					subtractProjection(row, rows[j*width:(j+1)*width])
				}
				norm := math.Sqrt(sumSquares(row))
				b.alive[lo+i] = norm > tol*b.norms[i]
				if b.alive[lo+i] {
					b.vec.Scale(row, row, T(1/norm))
				} else {
					clear(row)
				}
				b.norms[i] = 1 // of the second round
			}
		}
	}
}

// subtractProjection takes from x its part along the unit vector y.
func subtractProjection[T compute.Float](x, y []T) {
	y = y[:len(x)]
	var s0, s1, s2, s3 float64
	i := 0
	for ; i+4 <= len(x); i += 4 {
		s0 += float64(x[i]) * float64(y[i])
		s1 += float64(x[i+1]) * float64(y[i+1])
		s2 += float64(x[i+2]) * float64(y[i+2])
		s3 += float64(x[i+3]) * float64(y[i+3])
	}
	for ; i < len(x); i++ {
		s0 += float64(x[i]) * float64(y[i])
	}
	dot := T((s0 + s1) + (s2 + s3))
	for i, v := range y {
		x[i] -= dot * v
	}
}

// epsilon is the distance from 1 to the next number.
func epsilon[T compute.Float]() float64 {
	var t T
	if _, ok := any(t).(float32); ok {
		return 0x1p-23
	}
	return 0x1p-52
}
