//go:build !noasm

package cpu

import "unsafe"

// fastPanels returns the assembly that goes with a table of kernels, or nil.
func fastPanels(name string) *panelKernels[float32] {
	switch name {
	case "avx512":
		return &panelsAVX512
	case "avx2":
		return &panelsAVX2
	}
	return nil
}

var panelsAVX512 = panelKernels[float32]{
	width: 32,
	format: [formatCount]rowsKernels[float32]{
		Full:     {rows8F32AVX512, rows4F32AVX512, row1F32AVX512},
		BFloat16: {rows8BF16AVX512, rows4BF16AVX512, row1BF16AVX512},
		Int8:     {rows8INT8AVX512, rows4INT8AVX512, row1INT8AVX512},
	},
	pair: pairQueries, score: scorePairs, softmax: softmax8AVX512, values: values8AVX512,
}

var panelsAVX2 = panelKernels[float32]{
	width: 16,
	format: [formatCount]rowsKernels[float32]{
		Full:     {nil, rows4F32AVX2, row1F32AVX2},
		BFloat16: {nil, rows4BF16AVX2, row1BF16AVX2},
		Int8:     {nil, rows4INT8AVX2, row1INT8AVX2},
	},
	pair: noPairs[float32], score: scoreAVX, softmax: softmax8AVX2,
}

//go:noescape
func rows8F32AVX512(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)

//go:noescape
func rows4F32AVX512(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)

//go:noescape
func row1F32AVX512(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)

//go:noescape
func rows4F32AVX2(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)

//go:noescape
func row1F32AVX2(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)

//go:noescape
func rows8BF16AVX512(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)

//go:noescape
func rows4BF16AVX512(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)

//go:noescape
func row1BF16AVX512(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)

//go:noescape
func rows4BF16AVX2(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)

//go:noescape
func row1BF16AVX2(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)

//go:noescape
func rows8INT8AVX512(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)

//go:noescape
func rows4INT8AVX512(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)

//go:noescape
func row1INT8AVX512(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)

//go:noescape
func rows4INT8AVX2(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)

//go:noescape
func row1INT8AVX2(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool)

//go:noescape
func values8AVX512(depth int, x *float32, xr, xk int, w unsafe.Pointer, wk, step int, y *float32, yr int, scale *float32, accumulate bool, far int)

//go:noescape
func pairAVX512(pairs int, q *float32)

//go:noescape
func score16AVX512(pairs int, keys *float32, ldk int, q, s, ahead *float32)

//go:noescape
func score8AVX(dim int, keys *float32, ldk int, q, s, ahead *float32)

//go:noescape
func softmax8AVX512(rows int, s, peak, sum *float32)

//go:noescape
func softmax8AVX2(rows int, s, peak, sum *float32)

// pairQueries puts two elements of a query beside each other where their number is even.
func pairQueries(dim int, q *float32) {
	if dim%2 == 0 {
		pairAVX512(dim/2, q)
	}
}

// scorePairs takes two elements at a time where their number is even.
func scorePairs(dim int, keys *float32, ldk int, q, s, ahead *float32) {
	if dim%2 == 0 {
		score16AVX512(dim/2, keys, ldk, q, s, ahead)
		return
	}
	scoreAVX(dim, keys, ldk, q, s, ahead)
}

func scoreAVX(dim int, keys *float32, ldk int, q, s, ahead *float32) {
	score8AVX(dim, keys, ldk, q, s, ahead)
	score8AVX(dim, &slice(keys, 8*ldk+1)[8*ldk], ldk, q, &slice(s, 65)[64], ahead)
}
