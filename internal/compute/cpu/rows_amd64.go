//go:build !noasm

package cpu

//go:noescape
func scale8AVX(dst, src *float32, n int, a float32)

//go:noescape
func copyScaled8AVX(dst *float32, ldd int, src *float32, lds, rows, cols int, a float32)

//go:noescape
func normalize8AVX(out, x, w *float32, n int, r float32)

//go:noescape
func dot3x16AVX(x, y, z *float32, n int) float32

//go:noescape
func normGrad8AVX(dx, dw, dy, x, w *float32, n int, r, c float32)

func scaleAVX(dst, src []float32, a float32) {
	n := len(src) &^ 7
	if n > 0 {
		_ = dst[n-1]
		scale8AVX(&dst[0], &src[0], n, a)
	}
	scaleGo(dst[n:], src[n:], a)
}

func copyScaledAVX(dst []float32, ldd int, src []float32, lds, rows, cols int, a float32) {
	n := cols &^ 7
	if n > 0 && rows > 0 {
		_, _ = dst[(rows-1)*ldd+n-1], src[(rows-1)*lds+n-1]
		copyScaled8AVX(&dst[0], ldd, &src[0], lds, rows, n, a)
	}
	if n < cols {
		copyScaledGo(dst[n:], ldd, src[n:], lds, rows, cols-n, a)
	}
}

func normalizeAVX(out, x, w []float32, r float32) {
	n := len(w) &^ 7
	if n > 0 {
		_, _ = out[n-1], x[n-1]
		normalize8AVX(&out[0], &x[0], &w[0], n, r)
	}
	normalizeGo(out[n:], x[n:], w[n:], r)
}

func dot3AVX(x, y, z []float32) float32 {
	n := len(x) &^ 15
	s := dot3Go(x[n:], y[n:], z[n:])
	if n > 0 {
		_, _ = y[n-1], z[n-1]
		s += dot3x16AVX(&x[0], &y[0], &z[0], n)
	}
	return s
}

func normGradAVX(dx, dw, dy, x, w []float32, r, c float32) {
	n := len(w) &^ 7
	if n > 0 {
		_, _, _, _ = dx[n-1], dw[n-1], dy[n-1], x[n-1]
		normGrad8AVX(&dx[0], &dw[0], &dy[0], &x[0], &w[0], n, r, c)
	}
	normGradGo(dx[n:], dw[n:], dy[n:], x[n:], w[n:], r, c)
}
