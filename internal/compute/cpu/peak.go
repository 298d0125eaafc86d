package cpu

import "time"

// Peak measures the rate of a large matrix product in FLOP/s: the best of a few runs of 1024 cubed on
// all threads, which takes a fraction of a second.
func (b *Backend[T]) Peak() float64 {
	const n = 1024
	x, y, z := make([]T, n*n), make([]T, n*n), make([]T, n*n)
	for i := range x {
		x[i], y[i] = T(i%7)-3, T(i%5)-2
	}
	best := time.Duration(0)
	for range 8 {
		start := time.Now()
		b.Gemm(false, false, n, n, n, 1, x, n, y, n, 0, z, n)
		if d := time.Since(start); best == 0 || d < best {
			best = d
		}
	}
	return 2 * n * n * n / best.Seconds()
}
