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
		return kernels[float32]{
			name: "avx512", mr: 8, nr: 32,
			gemm: gemm8x32AVX512, transpose: transposeAVX, transposeWide: transposeAVX, copyRows: copyRowsAVX, expSum: expSumAVX512, swiglu: swigluAVX, swigluBackward: swigluBackwardAVX, max: maxAVX, dot: dotAVX, axpy: axpyAVX,
		}
	case x.HasAVX2 && x.HasFMA:
		return kernels[float32]{
			name: "avx2", mr: 6, nr: 16,
			gemm: gemm6x16AVX2, transpose: transposeAVX, transposeWide: transposeWideAVX, copyRows: copyRowsAVX, expSum: expSumAVX2, swiglu: swigluAVX, swigluBackward: swigluBackwardAVX, max: maxAVX, dot: dotAVX, axpy: axpyAVX,
		}
	}
	return kernels[float32]{}
}

//go:noescape
func gemm8x32AVX512(kc int, a, b, c *float32, ldc int, alpha float32, accumulate bool)

//go:noescape
func gemm6x16AVX2(kc int, a, b, c *float32, ldc int, alpha float32, accumulate bool)

// The vector loops below take a number of elements that is a multiple of their width; the
// wrappers beside them finish the tail in Go.

//go:noescape
func transpose8x8AVX(dst *float32, ldd int, src *float32, lds, blocks int)

//go:noescape
func copyRows8AVX(dst, src *float32, lds, rows, blocks int)

//go:noescape
func expSum16AVX512(dst, src *float32, n int, shift float32) float32

//go:noescape
func expSum8AVX2(dst, src *float32, n int, shift float32) float32

//go:noescape
func swiglu8AVX(out, gate, up, e *float32, n int)

//go:noescape
func swigluBackward8AVX(gate, up, dAct, act, e *float32, n int, factor float32) float32

//go:noescape
func max8AVX(x *float32, n int) float32

//go:noescape
func dot32AVX(x, y *float32, n int) float32

//go:noescape
func axpy8AVX(a float32, x, y *float32, n int)

// transposeAVX moves blocks of 8 by 8 and leaves the edges to Go.
func transposeAVX(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	blocks := cols / 8
	i := 0
	for ; i+8 <= rows && blocks > 0; i += 8 {
		transpose8x8AVX(&dst[i], ldd, &src[i*lds], lds, blocks)
		if done := blocks * 8; done < cols {
			transposeGo(dst[done*ldd+i:], ldd, src[i*lds+done:], lds, 8, cols-done)
		}
	}
	if i < rows {
		transposeGo(dst[i:], ldd, src[i*lds:], lds, rows-i, cols)
	}
}

// transposeWideAVX turns blocks of 8 by 8 also where fewer rows are wanted. Rows of dst then lie closer
// than 8 elements, and each one overwrites what the one before it wrote too much.
func transposeWideAVX(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	blocks := cols / 8
	if blocks > 0 {
		_ = src[7*lds+blocks*8-1]
		transpose8x8AVX(&dst[0], ldd, &src[0], lds, blocks)
	}
	if done := blocks * 8; done < cols {
		transposeGo(dst[done*ldd:], ldd, src[done:], lds, rows, cols-done)
	}
}

// copyRowsAVX copies rows of whole vectors, which a tile's rows are.
func copyRowsAVX(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	if cols == ldd && cols%8 == 0 && rows > 0 {
		_, _ = dst[rows*cols-1], src[(rows-1)*lds+cols-1]
		copyRows8AVX(&dst[0], &src[0], lds, rows, cols/8)
		return
	}
	copyRowsGo(dst, ldd, src, lds, rows, cols)
}

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

func swigluAVX(out, gate, up, e []float32) {
	n := len(e) &^ 7
	if n > 0 {
		swiglu8AVX(&out[0], &gate[0], &up[0], &e[0], n)
	}
	swigluGo(out[n:], gate[n:], up[n:], e[n:])
}

func swigluBackwardAVX(gate, up, dAct, act, e []float32, factor float32) float32 {
	n := len(e) &^ 7
	dot := swigluBackwardGo(gate[n:], up[n:], dAct[n:], act[n:], e[n:], factor)
	if n > 0 {
		dot += swigluBackward8AVX(&gate[0], &up[0], &dAct[0], &act[0], &e[0], n, factor)
	}
	return dot
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
