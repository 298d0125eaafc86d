//go:build !noasm

package cpu

import "golang.org/x/sys/cpu"

// fastUpdates returns the passes in assembly. AVX2 does for AVX-512 too: memory is the limit.
func fastUpdates() Updates[float32] {
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		return Updates[float32]{}
	}
	u := Updates[float32]{Momentum: momentumAVX2, Apply: applyAVX2, Adam: adamAVX2, Scale: scaleAVX2, Transpose: transposeAVX}
	if fastKernels().name == "avx512" {
		u.Transpose = transposeAVX512
	}
	return u
}

// The loops below take a number of elements n that is a multiple of 16 and add squares to sum.

//go:noescape
func momentum16AVX2(m, grad, y *float32, n int, mu float32, nesterov bool, sum *squareSum)

//go:noescape
func apply16AVX2(w, o *float32, n int, keep, rate float32, sum *squareSum)

//go:noescape
func adam16AVX2(w, grad, m, v *float32, n int, s *AdamStep[float32], sum *squareSum)

//go:noescape
func scale16AVX2(dst, src *float32, n int, a float32)

func momentumAVX2(m, g, y []float32, mu float32, nesterov bool) float64 {
	n := len(m) &^ 15
	g, y = g[:len(m)], y[:len(m)]
	if n == 0 || n < len(m) {
		return momentumGo(m, g, y, mu, nesterov)
	}
	var sum squareSum
	momentum16AVX2(&m[0], &g[0], &y[0], n, mu, nesterov, &sum)
	return sum.total()
}

func applyAVX2(w, o []float32, keep, rate float32) float64 {
	n := len(o) &^ 15
	w = w[:len(o)]
	if n == 0 || n < len(o) {
		return applyGo(w, o, keep, rate)
	}
	var sum squareSum
	apply16AVX2(&w[0], &o[0], n, keep, rate, &sum)
	return sum.total()
}

func adamAVX2(w, g, m, v []float32, s *AdamStep[float32]) float64 {
	n := len(w) &^ 15
	g, m, v = g[:len(w)], m[:len(w)], v[:len(w)]
	if n == 0 || n < len(w) {
		return adamGo(w, g, m, v, s)
	}
	var sum squareSum
	adam16AVX2(&w[0], &g[0], &m[0], &v[0], n, s, &sum)
	return sum.total()
}

func scaleAVX2(dst, src []float32, a float32) {
	n := len(src) &^ 15
	dst = dst[:len(src)]
	if n > 0 {
		scale16AVX2(&dst[0], &src[0], n, a)
	}
	multiplyGo(dst[n:], src[n:], a)
}
