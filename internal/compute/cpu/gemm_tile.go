package cpu

import "muonclip/internal/compute"

// tile is the innermost product of a matrix multiplication: a tile of C small enough for registers.
type tile[T compute.Float] struct {
	mr, nr int // most rows, and the columns of a packed panel of B

	// mul computes c = alpha a b, or c = alpha a b + beta d where d is not nil, for rows <= mr and
	// cols <= nr. Element (i, x) of a is a[i*rs+x*cs]; b is kc > 0 rows of nr elements, those past cols
	// finite; rows of c and of d lie ldc apart and d may be c. The sum runs over x in order, then alpha
	// and beta apply, so that an element's bits do not depend on its place in the tile.
	mul func(kc int, a *T, rs, cs int, b, c *T, ldc int, d *T, alpha, beta T, rows, cols int)
}

// goTile is the tile in plain Go.
func goTile[T compute.Float]() tile[T] { return tile[T]{mr: 4, nr: 4, mul: gemm4x4[T]} }

// gemm4x4 keeps its sixteen sums in registers. It adds in the same order as the assembly but
// rounds products, which a fused multiply-add does not.
func gemm4x4[T compute.Float](kc int, pa *T, rs, cs int, pb, pc *T, ldc int, pd *T, alpha, beta T, rows, cols int) {
	last := (rows - 1) * rs
	r1, r2, r3 := min(rs, last), min(2*rs, last), min(3*rs, last) // rows that C lacks repeat its last
	a, b := slice(pa, last+(kc-1)*cs+1), slice(pb, 4*kc)
	var c00, c01, c02, c03, c10, c11, c12, c13, c20, c21, c22, c23, c30, c31, c32, c33 T
	at := 0
	for len(b) >= 4 {
		a0, a1, a2, a3 := a[at], a[at+r1], a[at+r2], a[at+r3]
		b0, b1, b2, b3 := b[0], b[1], b[2], b[3]
		c00 += a0 * b0
		c01 += a0 * b1
		c02 += a0 * b2
		c03 += a0 * b3
		c10 += a1 * b0
		c11 += a1 * b1
		c12 += a1 * b2
		c13 += a1 * b3
		c20 += a2 * b0
		c21 += a2 * b1
		c22 += a2 * b2
		c23 += a2 * b3
		c30 += a3 * b0
		c31 += a3 * b1
		c32 += a3 * b2
		c33 += a3 * b3
		at += cs
		b = b[4:]
	}
	sums := [4][4]T{{c00, c01, c02, c03}, {c10, c11, c12, c13}, {c20, c21, c22, c23}, {c30, c31, c32, c33}}
	c := slice(pc, (rows-1)*ldc+cols)
	d := c
	if pd != nil {
		d = slice(pd, (rows-1)*ldc+cols)
	}
	for i := range rows {
		row, added := c[i*ldc:i*ldc+cols], d[i*ldc:i*ldc+cols]
		for j := range row {
			v := alpha * sums[i][j]
			if pd != nil {
				v += beta * added[j]
			}
			row[j] = v
		}
	}
}
