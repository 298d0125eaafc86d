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
	lanes8: lanes8Pairs, laneMax8: laneMax8AVX, laneSum8: laneSum8AVX, fetch: fetchAVX,
}

var panelsAVX2 = panelKernels[float32]{
	width: 16,
	format: [formatCount]rowsKernels[float32]{
		Full:     {nil, rows4F32AVX2, row1F32AVX2},
		BFloat16: {nil, rows4BF16AVX2, row1BF16AVX2},
		Int8:     {nil, rows4INT8AVX2, row1INT8AVX2},
	},
	lanes8: lanes8AVX, laneMax8: laneMax8AVX, laneSum8: laneSum8AVX, fetch: fetchAVX,
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
func lanes8AVX(dim int, keys *float32, ldk int, q, s *float32)

//go:noescape
func laneMax8AVX(rows int, s, peak *float32)

//go:noescape
func laneSum8AVX(rows int, s, sum *float32)

//go:noescape
func lanes8AVX512(pairs int, keys *float32, ldk int, q, s *float32)

// lanes8Pairs takes two elements at a time where their number is even.
func lanes8Pairs(dim int, keys *float32, ldk int, q, s *float32) {
	if dim%2 == 0 {
		lanes8AVX512(dim/2, keys, ldk, q, s)
		return
	}
	lanes8AVX(dim, keys, ldk, q, s)
}

//go:noescape
func fetchAVX(p *float32, lines int)
