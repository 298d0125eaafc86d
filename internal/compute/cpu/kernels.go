package cpu

import (
	"math"

	"muonclip/internal/compute"
)

// kernels is the table of innermost loops, chosen once for the processor at hand.
type kernels[T compute.Float] struct {
	name string
	tile tile[T]
	amx  *amxKernels[T] // for large products; nil where there is no AMX

	// transpose writes dst[j*ldd+i] = src[i*lds+j] for i below rows and j below cols.
	transpose func(dst []T, ldd int, src []T, lds, rows, cols int)
	// panels copies rows of cols elements into panels of width columns, see panelsGo.
	panels func(dst []T, step, width int, src []T, lds, rows, cols int)
	// expSum writes dst[i] = exp(src[i]-shift) and returns their sum.
	expSum func(dst, src []T, shift T) T
	// swiglu writes out = gate/(1+exp(-gate)) up.
	swiglu func(out, gate, up []T)
	// swigluGrad replaces gate and up by their gradients for d = factor dAct, writes factor times the
	// activation to act, and returns the dot product of the activation and dAct.
	swigluGrad func(gate, up, dAct, act []T, factor T) T
	max        func(x []T) T
	dot        func(x, y []T) T
	// dot3 is the sum of x y z.
	dot3 func(x, y, z []T) T
	// axpy computes y += a x.
	axpy func(a T, x, y []T)
	// scale writes dst = a src.
	scale func(dst, src []T, a T)
	// copyScaled writes dst[i*ldd+j] = a src[i*lds+j] for i below rows and j below cols.
	copyScaled func(dst []T, ldd int, src []T, lds, rows, cols int, a T)
	// normalize writes out = x r w.
	normalize func(out, x, w []T, r T)
	// normGrad computes dw += dy x r and dx += dy w r - x c.
	normGrad func(dx, dw, dy, x, w []T, r, c T)

	stripRows, lanes int // rows of a strip, and what its columns are a multiple of

	// strip computes stripRows rows and n columns of c = a b, or c += a b: element (i, x) of a is
	// a[i*ai + x*ax], rows of b and c lie ldb and ldc apart, and k is the depth.
	strip func(k int, a []T, ai, ax int, b []T, ldb int, c []T, ldc, n int, accumulate bool)
	// stripPanels computes stripRows rows of c = a b for count panels of b, each k rows of panelCols.
	stripPanels func(k int, a []T, lda int, b []T, c []T, ldc, count int)
	// softmaxGrad replaces s by p = exp(s - shift) and dp by p (dp - d).
	softmaxGrad func(s, dp []T, shift, d T)
}

// goKernels is the table in plain Go, for every processor and both element types.
func goKernels[T compute.Float]() kernels[T] {
	return kernels[T]{
		name: "go", tile: goTile[T](),
		transpose: transposeGo[T], panels: panelsGo[T], expSum: expSumGo[T], swiglu: swigluGo[T], swigluGrad: swigluGradGo[T], max: maxGo[T], dot: dotGo[T], axpy: axpyGo[T],
		stripRows: 4, lanes: 4, strip: stripGo[T], stripPanels: stripPanelsGo[T], softmaxGrad: softmaxGradGo[T], scale: scaleGo[T], copyScaled: copyScaledGo[T],
		dot3: dot3Go[T], normalize: normalizeGo[T], normGrad: normGradGo[T],
	}
}

// kernelsFor returns the fastest table for T on this processor.
func kernelsFor[T compute.Float]() kernels[T] {
	if k, ok := any(fastKernels()).(kernels[T]); ok && k.tile.mul != nil {
		return k
	}
	return goKernels[T]()
}

// label is the name and what else there is.
func (k *kernels[T]) label() string {
	if k.amx != nil {
		return k.name + "+amx"
	}
	return k.name
}

func transposeGo[T compute.Float](dst []T, ldd int, src []T, lds, rows, cols int) {
	for i := range rows {
		for j, v := range src[i*lds : i*lds+cols] {
			dst[j*ldd+i] = v
		}
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

func swigluGo[T compute.Float](out, gate, up []T) {
	for j, g := range gate[:len(out)] {
		out[j] = g / (1 + expNeg(g)) * up[j]
	}
}

func swigluGradGo[T compute.Float](gate, up, dAct, act []T, factor T) T {
	var dot T
	for j := range act {
		g, u, d := gate[j], up[j], dAct[j]
		s := 1 / (1 + expNeg(g))
		silu := g * s
		dot += d * silu * u
		act[j] = factor * silu * u
		d *= factor
		gate[j] = d * u * s * (1 + g*(1-s))
		up[j] = d * silu
	}
	return dot
}

// expNeg is exp(-x). Where it overflows, 1/(1+exp(-x)) is zero, as it should be.
func expNeg[T compute.Float](x T) T { return T(math.Exp(-float64(x))) }

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
