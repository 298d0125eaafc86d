package computetest

import (
	"fmt"
	"math"

	"muonclip/internal/compute"
)

// product is op(A) op(B) of m x k and k x n, and the sum of the magnitudes of each element's terms.
func product[T compute.Float](transA, transB bool, m, n, k int, a []T, lda int, b []T, ldb int) (sum, size []float64) {
	sum, size = make([]float64, m*n), make([]float64, m*n)
	stepA, stepB := 1, ldb
	if transA {
		stepA = lda
	}
	if transB {
		stepB = 1
	}
	for i := range m {
		for j := range n {
			ia, ib := i*lda, j
			if transA {
				ia = i
			}
			if transB {
				ib = j * ldb
			}
			var s, abs float64
			for x := range k {
				term := float64(a[ia+x*stepA]) * float64(b[ib+x*stepB])
				s += term
				abs += math.Abs(term)
			}
			sum[i*n+j], size[i*n+j] = s, abs
		}
	}
	return sum, size
}

// stored is the number of rows and the row length of a matrix of which op is rows x cols.
func stored(trans bool, rows, cols int) (int, int) {
	if trans {
		return cols, rows
	}
	return rows, cols
}

// gemmSizes are m, n, k on, below and above the edges of usual tiles (multiples of 4, 6, 8, 16, 32,
// 64) and of the depth of 256 at which a blocked kernel cuts its sums.
var gemmSizes = [][3]int{
	{1, 1, 1}, {1, 300, 1}, {300, 1, 2}, {1, 17, 300}, {2, 3, 4}, {5, 7, 3}, {6, 16, 8}, {7, 15, 9}, {8, 32, 256}, {8, 32, 257},
	{9, 33, 255}, {12, 31, 64}, {24, 64, 33}, {63, 65, 64}, {65, 63, 65}, {96, 48, 16}, {97, 49, 31}, {200, 40, 3}, {33, 200, 300}, {3, 1, 600},
	{4, 4, 0},
}

func testGemm[T compute.Float](c *check[T]) {
	coefficients := [][2]T{{1, 0}, {1, 1}, {-0.3, 0.7}, {0, 0.5}, {0, 0}}
	for _, size := range gemmSizes {
		m, n, k := size[0], size[1], size[2]
		for variant := range 4 {
			transA, transB := variant&1 > 0, variant&2 > 0
			pad := 3 * ((m + variant) % 2)
			rowsA, colsA := stored(transA, m, k)
			rowsB, colsB := stored(transB, k, n)
			lda, ldb, ldc := colsA+pad, colsB+pad, n+pad
			a, b, old := c.random(rowsA*lda+1), c.random(rowsB*ldb+1), c.random(m*ldc)
			sum, abs := product(transA, transB, m, n, k, a, lda, b, ldb)
			for _, co := range coefficients {
				alpha, beta := co[0], co[1]
				got := c.clone(old)
				if beta == 0 { // must be overwritten, not multiplied by zero
					for i := range got {
						got[i] = T(math.NaN())
					}
				}
				before := c.clone(got)
				c.be.Gemm(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, got, ldc)
				want, limit := wide(before), make([]float64, len(before))
				for i := range m {
					for j := range n {
						at := i*ldc + j
						want[at] = float64(alpha) * sum[i*n+j]
						limit[at] = math.Abs(float64(alpha)) * abs[i*n+j]
						if beta != 0 {
							want[at] += float64(beta) * float64(before[at])
							limit[at] += math.Abs(float64(beta) * float64(before[at]))
						}
					}
				}
				c.nearEach(fmt.Sprintf("gemm %v trans %v %v pad %d alpha %g beta %g", size, transA, transB, pad, alpha, beta), got, want, limit)
			}
		}
	}
}

// testGemmNaN plants a NaN and an infinity in A: they reach their own rows and no other.
func testGemmNaN[T compute.Float](c *check[T]) {
	for _, size := range [][3]int{{9, 33, 5}, {13, 7, 300}, {64, 64, 64}} {
		m, n, k := size[0], size[1], size[2]
		a, b, got := c.random(m*k), c.filled(k*n, 0.5), c.nan(m*n)
		bad, far := m-1, m/2
		a[bad*k+k/2] = T(math.NaN())
		a[far*k+k-1] = T(math.Inf(1))
		c.be.Gemm(false, false, m, n, k, 1, a, k, b, n, 0, got, n)
		want, abs := product(false, false, m, n, k, a, k, b, n)
		c.nearEach(fmt.Sprintf("gemm %v with NaN in row %d and infinity in row %d", size, bad, far), got, want, abs)
	}
}

// groupEnds cuts rows into experts: even, with empty ones, with everything in one.
func groupEnds(experts, rows int) map[string][]int32 {
	even, gaps, one := make([]int32, experts), make([]int32, experts), make([]int32, experts)
	for e := range experts {
		even[e] = int32((e + 1) * rows / experts)
		gaps[e] = int32((e + 1) / 2 * 2 * rows / experts) // every second expert is empty
		if e == experts-1 {
			gaps[e] = int32(rows)
		}
		if e >= experts/2 {
			one[e] = int32(rows)
		}
	}
	return map[string][]int32{"even": even, "gaps": gaps, "one": one, "none": make([]int32, experts)}
}

var groupedSizes = []struct{ experts, rows, out, in int }{
	{1, 1, 1, 1}, {1, 5, 3, 2}, {4, 64, 16, 24}, {5, 63, 7, 9}, {7, 200, 33, 31}, {3, 500, 5, 17}, {2, 3, 65, 300},
}

func testGroupedGemm[T compute.Float](c *check[T]) {
	for _, s := range groupedSizes {
		for name, ends := range groupEnds(s.experts, s.rows) {
			ends = c.ints(ends)
			for _, trans := range []bool{false, true} {
				stride := s.out*s.in + 5
				x, w := c.random(s.rows*s.in), c.random(s.experts*stride)
				got := c.nan(s.rows * s.out)
				c.be.GroupedGemm(got, x, nil, w, ends, stride, s.out, s.in, trans)
				table, rows := scattered(c, x, s.in)
				picked := c.nan(s.rows * s.out)
				c.be.GroupedGemm(picked, table, rows, w, ends, stride, s.out, s.in, trans)
				c.same(fmt.Sprintf("%+v %s trans %v of picked rows", s, name, trans), picked, got)
				want, size := wide(c.nan(s.rows*s.out)), make([]float64, s.rows*s.out)
				lo := 0
				for e, end := range ends {
					hi := int(end)
					ldw := s.out
					if trans {
						ldw = s.in
					}
					sum, abs := product(false, trans, hi-lo, s.out, s.in, x[lo*s.in:], s.in, w[e*stride:], ldw)
					copy(want[lo*s.out:], sum)
					copy(size[lo*s.out:], abs)
					lo = hi
				}
				c.nearEach(fmt.Sprintf("%+v %s trans %v", s, name, trans), got, want, size)
			}
		}
	}
}

func testGroupedGemmWeights[T compute.Float](c *check[T]) {
	for _, s := range groupedSizes {
		for name, ends := range groupEnds(s.experts, s.rows) {
			ends = c.ints(ends)
			stride := s.out*s.in + 5
			dy, x, dw := c.random(s.rows*s.out), c.random(s.rows*s.in), c.random(s.experts*stride)
			want := wide(dw)
			size := make([]float64, len(want))
			lo := 0
			for e, end := range ends {
				hi := int(end)
				sum, abs := product(true, false, s.out, s.in, hi-lo, dy[lo*s.out:], s.out, x[lo*s.in:], s.in)
				for i, v := range sum {
					want[e*stride+i] += v
					size[e*stride+i] = abs[i] + math.Abs(want[e*stride+i])
				}
				lo = hi
			}
			before := c.clone(dw)
			c.be.GroupedGemmWeights(1, dw, dy, nil, x, nil, ends, stride, s.out, s.in)
			c.nearEach(fmt.Sprintf("%+v %s", s, name), dw, want, size)
			checkPickedWeights(c, fmt.Sprintf("%+v %s", s, name), before, dy, x, ends, stride, s.out, s.in)
		}
	}
}

// checkPickedWeights: rows picked from a larger matrix give what the rows themselves give, and so do gradients
// that are overwritten what they give where they are zero before.
func checkPickedWeights[T compute.Float](c *check[T], what string, dw, dy, x []T, ends []int32, stride, out, in int) {
	for _, beta := range []T{0, 1} {
		want := c.clone(dw)
		if beta == 0 {
			for e := range ends {
				clear(want[e*stride : e*stride+out*in])
			}
		}
		c.be.GroupedGemmWeights(1, want, dy, nil, x, nil, ends, stride, out, in)
		table, rows := scattered(c, x, in)
		got := c.clone(dw)
		c.be.GroupedGemmWeights(beta, got, dy, nil, table, rows, ends, stride, out, in)
		c.same(fmt.Sprintf("%s beta %g, rows of x picked", what, beta), got, want)
		table, rows = scattered(c, dy, out)
		got = c.clone(dw)
		c.be.GroupedGemmWeights(beta, got, table, rows, x, nil, ends, stride, out, in)
		c.same(fmt.Sprintf("%s beta %g, rows of dy picked", what, beta), got, want)
	}
}

// scattered is a matrix with the rows of x in another order and others between them, and where each of them is.
func scattered[T compute.Float](c *check[T], x []T, width int) (table []T, rows []int32) {
	n := len(x) / width
	table, rows = c.random(2*len(x)), make([]int32, n)
	for i, to := range c.r.Perm(n) {
		rows[i] = int32(2*to + c.r.IntN(2))
		copy(table[int(rows[i])*width:], x[i*width:(i+1)*width])
	}
	return table, c.ints(rows)
}
