package cpu

import "muonclip/internal/compute"

func scaleGo[T compute.Float](dst, src []T, a T) {
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] = a * v
	}
}

func copyScaledGo[T compute.Float](dst []T, ldd int, src []T, lds, rows, cols int, a T) {
	for i := range rows {
		scaleGo(dst[i*ldd:i*ldd+cols], src[i*lds:i*lds+cols], a)
	}
}

func normalizeGo[T compute.Float](out, x, w []T, r T) {
	for j, v := range w {
		out[j] = x[j] * r * v
	}
}

func dot3Go[T compute.Float](x, y, z []T) T {
	var s0, s1 T
	y, z = y[:len(x)], z[:len(x)]
	for len(x) >= 2 && len(y) >= 2 && len(z) >= 2 {
		s0 += x[0] * y[0] * z[0]
		s1 += x[1] * y[1] * z[1]
		x, y, z = x[2:], y[2:], z[2:]
	}
	if len(x) > 0 {
		s0 += x[0] * y[0] * z[0]
	}
	return s0 + s1
}

func normGradGo[T compute.Float](dx, dw, dy, x, w []T, r, c T) {
	for j, v := range w {
		g := dy[j] * r
		dw[j] += g * x[j]
		dx[j] += g*v - x[j]*c
	}
}
