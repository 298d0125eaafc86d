package cpu

import "math"

// RMSNorm computes y = x rstd w for each row; see compute.Backend.
func (b *Backend[T]) RMSNorm(y, rstd, x []T, ldx int, delta, w []T, eps T) {
	n := len(w)
	b.chunks(len(rstd), rowChunk, func(wk *Worker[T], lo, hi int) {
		for i := lo; i < hi; i++ {
			row := x[i*ldx : i*ldx+n]
			if delta != nil {
				sum := delta[i*n : (i+1)*n]
				wk.kern.axpy(1, row, sum)
				row = sum
			}
			r := T(1 / math.Sqrt(float64(wk.kern.dot(row, row)/T(n)+eps)))
			rstd[i] = r
			out := y[i*n : (i+1)*n]
			for j, v := range row {
				out[j] = v * r * w[j]
			}
		}
	})
}

// RMSNormBackward adds to dx and dw. With g = dy w and x̂ = x rstd, dx = rstd (g - x̂ mean(g x̂)) and
// dw = sum over rows of dy x̂.
func (b *Backend[T]) RMSNormBackward(dx []T, lddx int, dw, dy, x []T, ldx int, w, rstd []T) {
	n, rows := len(w), len(rstd)
	parts := ceil(rows, rowChunk)
	b.packed = grow(b.packed, parts*n)
	partial := b.packed
	b.chunks(rows, rowChunk, func(_ *Worker[T], lo, hi int) {
		sum := partial[lo/rowChunk*n:][:n]
		clear(sum)
		for i := lo; i < hi; i++ {
			row, g, r := x[i*ldx:i*ldx+n], dy[i*n:(i+1)*n], rstd[i]
			d := dx[i*lddx : i*lddx+n]
			var c0, c1 T
			j := 0
			for ; j+1 < n; j += 2 {
				c0 += g[j] * w[j] * row[j]
				c1 += g[j+1] * w[j+1] * row[j+1]
			}
			if j < n {
				c0 += g[j] * w[j] * row[j]
			}
			c := (c0 + c1) * r * r * r / T(n)
			for j, v := range row {
				sum[j] += g[j] * v * r
				d[j] += g[j]*w[j]*r - v*c
			}
		}
	})
	b.chunks(n, 64, func(wk *Worker[T], lo, hi int) {
		for p := range parts {
			wk.kern.axpy(1, partial[p*n+lo:p*n+hi], dw[lo:hi])
		}
	})
}
