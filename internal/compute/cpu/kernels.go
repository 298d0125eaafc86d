package cpu

import (
	"math"

	"muonclip/internal/compute"
)

// kernels is the table of innermost loops, chosen once for the processor at hand.
type kernels[T compute.Float] struct {
	name   string
	mr, nr int // tile of gemm

	// gemm computes c = alpha a b, or c += alpha a b where accumulate is set, for one full tile: a is
	// kc columns of mr elements, b is kc rows of nr elements, rows of c lie ldc apart.
	gemm func(kc int, a, b, c *T, ldc int, alpha T, accumulate bool)
	// transpose writes dst[j*ldd+i] = src[i*lds+j] for i below rows and j below cols.
	transpose func(dst []T, ldd int, src []T, lds, rows, cols int)
	// transposeWide is transpose where src has at least 8 rows. It may use them all and write up to 8
	// elements past the end of what it is asked for.
	transposeWide func(dst []T, ldd int, src []T, lds, rows, cols int)
	// copyRows writes dst[i*ldd+j] = src[i*lds+j] for i below rows and j below cols.
	copyRows func(dst []T, ldd int, src []T, lds, rows, cols int)
	// expSum writes dst[i] = exp(src[i]-shift) and returns their sum.
	expSum func(dst, src []T, shift T) T
	// swiglu writes out = gate/(1+e) up for e = exp(-gate).
	swiglu func(out, gate, up, e []T)
	// swigluBackward replaces gate and up by their gradients for d = factor dAct, writes factor times the
	// activation to act, and returns the dot product of the activation and dAct.
	swigluBackward func(gate, up, dAct, act, e []T, factor T) T
	max            func(x []T) T
	dot            func(x, y []T) T
	// axpy computes y += a x.
	axpy func(a T, x, y []T)
}

// goKernels is the table in plain Go, for every processor and both element types.
func goKernels[T compute.Float]() kernels[T] {
	return kernels[T]{
		name: "go", mr: 4, nr: 4,
		gemm: gemm4x4[T], transpose: transposeGo[T], transposeWide: transposeGo[T], copyRows: copyRowsGo[T], expSum: expSumGo[T], swiglu: swigluGo[T], swigluBackward: swigluBackwardGo[T], max: maxGo[T], dot: dotGo[T], axpy: axpyGo[T],
	}
}

// kernelsFor returns the fastest table for T on this processor.
func kernelsFor[T compute.Float]() kernels[T] {
	if k, ok := any(fastKernels()).(kernels[T]); ok && k.gemm != nil {
		return k
	}
	return goKernels[T]()
}

// gemm4x4 keeps its sixteen sums in registers. It adds in the same order as the assembly but
// rounds products, which a fused multiply-add does not.
func gemm4x4[T compute.Float](kc int, pa, pb, pc *T, ldc int, alpha T, accumulate bool) {
	a, b, c := slice(pa, 4*kc), slice(pb, 4*kc), slice(pc, 3*ldc+4)
	var c00, c01, c02, c03, c10, c11, c12, c13, c20, c21, c22, c23, c30, c31, c32, c33 T
	for len(a) >= 4 && len(b) >= 4 {
		a0, a1, a2, a3 := a[0], a[1], a[2], a[3]
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
		a, b = a[4:], b[4:]
	}
	rows := [4][4]T{{c00, c01, c02, c03}, {c10, c11, c12, c13}, {c20, c21, c22, c23}, {c30, c31, c32, c33}}
	for i := range rows {
		row := c[i*ldc : i*ldc+4]
		for j := range row {
			v := alpha * rows[i][j]
			if accumulate {
				v += row[j]
			}
			row[j] = v
		}
	}
}

func transposeGo[T compute.Float](dst []T, ldd int, src []T, lds, rows, cols int) {
	for i := range rows {
		for j, v := range src[i*lds : i*lds+cols] {
			dst[j*ldd+i] = v
		}
	}
}

func copyRowsGo[T compute.Float](dst []T, ldd int, src []T, lds, rows, cols int) {
	for i := range rows {
		copy(dst[i*ldd:i*ldd+cols], src[i*lds:i*lds+cols])
	}
}

func expSumGo[T compute.Float](dst, src []T, shift T) T {
	var sum T
	dst = dst[:len(src)]
	for i, v := range src {
		e := T(math.Exp(float64(v - shift)))
		dst[i] = e
		sum += e
	}
	return sum
}

func swigluGo[T compute.Float](out, gate, up, e []T) {
	for j, v := range e {
		out[j] = gate[j] / (1 + v) * up[j]
	}
}

func swigluBackwardGo[T compute.Float](gate, up, dAct, act, e []T, factor T) T {
	var dot T
	for j, v := range e {
		s := 1 / (1 + v)
		g, u, d := gate[j], up[j], dAct[j]
		silu := g * s
		dot += d * silu * u
		act[j] = factor * silu * u
		d *= factor
		gate[j] = d * u * s * (1 + g*(1-s))
		up[j] = d * silu
	}
	return dot
}

// maxGo is the largest element, NaN where there is one, and minus infinity of nothing.
func maxGo[T compute.Float](x []T) T {
	m := T(math.Inf(-1))
	for _, v := range x {
		if v > m || v != v {
			m = v
		}
	}
	return m
}

func dotGo[T compute.Float](x, y []T) T {
	var s0, s1, s2, s3 T
	y = y[:len(x)]
	for len(x) >= 4 && len(y) >= 4 {
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
		x, y = x[4:], y[4:]
	}
	for i, v := range x {
		s0 += v * y[i]
	}
	return (s0 + s2) + (s1 + s3)
}

func axpyGo[T compute.Float](a T, x, y []T) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] += a * v
	}
}
