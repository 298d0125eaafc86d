//go:build !noasm

package cpu

//go:noescape
func gemm12x32AVX512(kc int, a *float32, rs, cs int, b, c *float32, ldc int, d *float32, alpha, beta float32, rows, cols int)

//go:noescape
func gemm6x16AVX2(kc int, a *float32, rs, cs int, b, c *float32, ldc int, d *float32, alpha, beta float32, rows, cols int)

//go:noescape
func transpose16x4AVX512(dst *float32, ldd int, src *float32, lds, blocks int)

//go:noescape
func transpose8x8AVX(dst *float32, ldd int, src *float32, lds, blocks int)

//go:noescape
func panels16AVX(dst *float32, step int, src *float32, lds, rows, count int)

//go:noescape
func panels12AVX(dst *float32, step int, src *float32, lds, rows, count int)

//go:noescape
func panels32AVX(dst *float32, step int, src *float32, lds, rows, count int)

// transposeAVX512 moves blocks of 16 rows and 4 columns and leaves the rest to narrower loops.
func transposeAVX512(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	blocks, i := cols/4, 0
	for ; i+16 <= rows && blocks > 0; i += 16 {
		_, _ = dst[i+(blocks*4-1)*ldd+15], src[(i+15)*lds+blocks*4-1]
		transpose16x4AVX512(&dst[i], ldd, &src[i*lds], lds, blocks)
		if done := blocks * 4; done < cols {
			transposeGo(dst[done*ldd+i:], ldd, src[i*lds+done:], lds, 16, cols-done)
		}
	}
	if i < rows {
		transposeAVX(dst[i:], ldd, src[i*lds:], lds, rows-i, cols)
	}
}

// transposeAVX moves blocks of 8 by 8 and leaves the edges to Go.
func transposeAVX(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	blocks, i := cols/8, 0
	for ; i+8 <= rows && blocks > 0; i += 8 {
		_, _ = dst[i+(blocks*8-1)*ldd+7], src[(i+7)*lds+blocks*8-1]
		transpose8x8AVX(&dst[i], ldd, &src[i*lds], lds, blocks)
		if done := blocks * 8; done < cols {
			transposeGo(dst[done*ldd+i:], ldd, src[i*lds+done:], lds, 8, cols-done)
		}
	}
	if i < rows {
		transposeGo(dst[i:], ldd, src[i*lds:], lds, rows-i, cols)
	}
}

// panelsAVX copies whole pieces and leaves the last, narrower panel to Go.
func panelsAVX(dst []float32, step, width int, src []float32, lds, rows, cols int) {
	count := cols / width
	if rows == 0 {
		return
	}
	if count > 0 {
		_, _ = dst[(count-1)*step+width*rows-1], src[(rows-1)*lds+count*width-1]
		switch width {
		case 12:
			panels12AVX(&dst[0], step, &src[0], lds, rows, count)
		case 16:
			panels16AVX(&dst[0], step, &src[0], lds, rows, count)
		case 32:
			panels32AVX(&dst[0], step, &src[0], lds, rows, count)
		default:
			panelsGo(dst, step, width, src, lds, rows, cols)
			return
		}
	}
	if done := count * width; done < cols {
		panelsGo(dst[count*step:], step, width, src[done:], lds, rows, cols-done)
	}
}
