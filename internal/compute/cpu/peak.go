package cpu

import "time"

// Peak measures the rate of a large matrix product in FLOP/s: the best of a few runs of 1024 cubed on
// all threads, for a fifth of a second or one run, whichever is longer.
func (b *Backend[T]) Peak() float64 {
	const n = 1024
	x, y, z := make([]T, n*n), make([]T, n*n), make([]T, n*n)
	for i := range x {
		x[i], y[i] = T(i%7)-3, T(i%5)-2
	}
	best, begin := time.Duration(0), time.Now()
	for best == 0 || time.Since(begin) < 200*time.Millisecond {
		start := time.Now()
		b.Gemm(false, false, n, n, n, 1, x, n, y, n, 0, z, n)
		if d := time.Since(start); best == 0 || d < best {
			best = d
		}
	}
	return 2 * n * n * n / best.Seconds()
}
