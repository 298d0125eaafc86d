package cpu

import (
	"math"
	"unsafe"

	"muonclip/internal/compute"
)

// rowsKernel computes a fixed number of rows of y = x w (y += x w where accumulate is set) for one
// or four panels of w. Element k of row r of x is x[r*xr+k*xk], row r of y begins at y[r*yr]. The
// weights of a panel at depth k begin wk bytes behind those at k-1, those of the next panel step bytes
// behind. The sums are multiplied by scale, one for each column, where it is not nil. Outputs and
// scales of neighbouring panels lie behind each other.
type rowsKernel[T compute.Float] func(depth int, x *T, xr, xk int, w unsafe.Pointer, wk, step int, y *T, yr int, scale *T, accumulate bool)

// rowsKernels are the kernels for one way to store weights.
type rowsKernels[T compute.Float] struct {
	rows8, rows4 rowsKernel[T] // one panel; rows8 may be nil
	row1         rowsKernel[T] // one row, four panels
}

// panelKernels multiplies few rows by packed weights. Every kernel of a table adds up an output in
// the order of the depth, so that the number of rows does not change a bit.
type panelKernels[T compute.Float] struct {
	width  int                         // columns of a panel
	format [formatCount]rowsKernels[T] // by Format

	// pair brings 8 queries of dim elements, whose element d is q[8*d+i], into the order that score wants.
	pair func(dim int, q *T)
	// score computes s[8*j+i] = key j times query i for 16 keys, ldk elements apart, and begins to fetch as many keys
	// from ahead.
	score func(dim int, keys *T, ldk int, q, s, ahead *T)
	// softmax writes the largest of each of 8 columns of s, or the least finite number, replaces the column by
	// exp(s - largest), and writes the sum. The number of rows is a multiple of 16.
	softmax func(rows int, s, peak, sum *T)
	// values is rows8 of weights as they are, which begins to fetch those that lie far bytes behind; it may be nil.
	values func(depth int, x *T, xr, xk int, w unsafe.Pointer, wk, step int, y *T, yr int, scale *T, accumulate bool, far int)
}

// panelsFor returns the table that belongs to the kernels of a backend.
func panelsFor[T compute.Float](name string) *panelKernels[T] {
	if k, ok := any(fastPanels(name)).(*panelKernels[T]); ok && k != nil {
		return k
	}
	return goPanels[T]()
}

// goWidth is the width of a panel in plain Go.
const goWidth = 8

func goPanels[T compute.Float]() *panelKernels[T] {
	return &panelKernels[T]{
		width: goWidth,
		format: [formatCount]rowsKernels[T]{
			Full:     {rows4: rowsGo(4, 1, fullRow[T]), row1: rowsGo(1, 4, fullRow[T])},
			BFloat16: {rows4: rowsGo(4, 1, bfloatRow[T]), row1: rowsGo(1, 4, bfloatRow[T])},
			Int8:     {rows4: rowsGo(4, 1, int8Row[T]), row1: rowsGo(1, 4, int8Row[T])},
		},
		pair: noPairs[T], score: scoreGo[T], softmax: softmaxGo[T],
	}
}

// rowsGo is the kernel in plain Go for a number of rows and panels; read widens one row of weights.
func rowsGo[T compute.Float](rows, panels int, read func(unsafe.Pointer) [goWidth]T) rowsKernel[T] {
	return func(depth int, x *T, xr, xk int, w unsafe.Pointer, wk, step int, y *T, yr int, scale *T, accumulate bool) {
		in := slice(x, (rows-1)*xr+(depth-1)*xk+1)
		out := slice(y, (rows-1)*yr+panels*goWidth)
		for p := range panels {
			for r := range rows {
				var s [goWidth]T
				for k := range depth {
					v := in[r*xr+k*xk]
					m := read(unsafe.Add(w, p*step+k*wk))
					for i := range s {
						s[i] += v * m[i]
					}
				}
				dst := out[r*yr+p*goWidth:][:goWidth]
				for i, v := range s {
					if scale != nil {
						v *= slice(scale, panels*goWidth)[p*goWidth+i]
					}
					if accumulate {
						v += dst[i]
					}
					dst[i] = v
				}
			}
		}
	}
}

func fullRow[T compute.Float](p unsafe.Pointer) [goWidth]T { return *(*[goWidth]T)(p) }

func int8Row[T compute.Float](p unsafe.Pointer) (m [goWidth]T) {
	for i, v := range *(*[goWidth]int8)(p) {
		m[i] = T(v)
	}
	return m
}

// bfloatRow undoes the order of Pack: neighbours are half a panel apart.
func bfloatRow[T compute.Float](p unsafe.Pointer) (m [goWidth]T) {
	for i, v := range *(*[goWidth]uint16)(p) {
		m[i/2+i%2*goWidth/2] = T(math.Float32frombits(uint32(v) << 16))
	}
	return m
}

func noPairs[T compute.Float](int, *T) {}

func scoreGo[T compute.Float](dim int, keys *T, ldk int, q, s, _ *T) {
	k, query, out := slice(keys, (keyBlock-1)*ldk+dim), slice(q, lanes*dim), slice(s, keyBlock*lanes)
	for j := range keyBlock {
		var sum [lanes]T
		for d, v := range k[j*ldk : j*ldk+dim] {
			for i := range sum {
				sum[i] += v * query[lanes*d+i]
			}
		}
		copy(out[lanes*j:], sum[:])
	}
}

func softmaxGo[T compute.Float](rows int, s, peak, sum *T) {
	x, top, total := slice(s, lanes*rows), slice(peak, lanes), slice(sum, lanes)
	for i := range lanes {
		m := leastFinite[T]()
		for j := i; j < len(x); j += lanes {
			if x[j] > m {
				m = x[j]
			}
		}
		top[i], total[i] = m, 0
		for j := i; j < len(x); j += lanes {
			x[j] = T(math.Exp(float64(x[j] - m)))
			total[i] += x[j]
		}
	}
}

// leastFinite stands below every score that counts; minus infinity less itself would be no number.
func leastFinite[T compute.Float]() T { return T(-3.4028234663852886e38) }
