//go:build !noasm

package cpu

import (
	"math"

	"golang.org/x/sys/cpu"
)

// fastKernels returns the assembly that this processor can run, or an empty table.
func fastKernels() kernels[float32] {
	x := cpu.X86
	switch {
	case x.HasAVX512F && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX2 && x.HasFMA:
		return avx512Strips(kernels[float32]{
			name: "avx512", tile: tile[float32]{mr: 12, nr: 32, mul: gemm12x32AVX512}, amx: amx(),
			transpose: transposeAVX512, panels: panelsAVX, expSum: expSumAVX512, max: maxAVX, dot: dotAVX, axpy: axpyAVX,
		})
	case x.HasAVX2 && x.HasFMA:
		return avx2Strips(kernels[float32]{
			name: "avx2", tile: tile[float32]{mr: 6, nr: 16, mul: gemm6x16AVX2},
			transpose: transposeAVX, panels: panelsAVX, expSum: expSumAVX2, max: maxAVX, dot: dotAVX, axpy: axpyAVX,
		})
	}
	return kernels[float32]{}
}

// The vector loops below take a number of elements that is a multiple of their width; the
// wrappers beside them finish the tail in Go.

//go:noescape
func expSum16AVX512(dst, src *float32, n int, shift float32) float32

//go:noescape
func expSum8AVX2(dst, src *float32, n int, shift float32) float32

//go:noescape
func max8AVX(x *float32, n int) float32

//go:noescape
func dot32AVX(x, y *float32, n int) float32

//go:noescape
func axpy8AVX(a float32, x, y *float32, n int)

func expSumAVX512(dst, src []float32, shift float32) float32 {
	n := len(src) &^ 15
	sum := expTail(dst[n:], src[n:], shift)
	if n > 0 {
		sum += expSum16AVX512(&dst[0], &src[0], n, shift)
	}
	return sum
}

func expSumAVX2(dst, src []float32, shift float32) float32 {
	n := len(src) &^ 7
	sum := expTail(dst[n:], src[n:], shift)
	if n > 0 {
		sum += expSum8AVX2(&dst[0], &src[0], n, shift)
	}
	return sum
}

// expTail does fewer than 16 elements in a padded buffer, so that they take the vector path too.
func expTail(dst, src []float32, shift float32) float32 {
	if len(src) == 0 {
		return 0
	}
	var in, out [16]float32
	for i := copy(in[:], src); i < len(in); i++ {
		in[i] = float32(math.Inf(-1))
	}
	sum := expSum8AVX2(&out[0], &in[0], len(in), shift)
	copy(dst, out[:len(src)])
	return sum
}

func maxAVX(x []float32) float32 {
	n := len(x) &^ 7
	m := maxGo(x[n:])
	if n > 0 {
		if v := max8AVX(&x[0], n); v > m || v != v {
			m = v
		}
	}
	return m
}

func dotAVX(x, y []float32) float32 {
	n := len(x) &^ 31
	s := dotGo(x[n:], y[n:len(x)])
	if n > 0 {
		s += dot32AVX(&x[0], &y[0], n)
	}
	return s
}

func axpyAVX(a float32, x, y []float32) {
	n := len(x) &^ 7
	if n > 0 {
		axpy8AVX(a, &x[0], &y[0], n)
	}
	axpyGo(a, x[n:], y[n:len(x)])
}
