package cpu

import "time"

// Peak measures the rate of a large matrix product in FLOP/s: the best of a few runs of 1024 cubed on
// all threads, for a fifth of a second or one run, whichever is longer.
func (b *Backend[T]) Peak() float64 { return b.peak(b.kern.amx != nil) }

// PeakFMA is Peak without AMX: that of fused multiply-adds of the element type, of which most other operations consist.
func (b *Backend[T]) PeakFMA() float64 { return b.peak(false) }

func (b *Backend[T]) peak(amx bool) float64 {
	const n = 1024
	x, y, z := make([]T, n*n), make([]T, n*n), make([]T, n*n)
	for i := range x {
		x[i], y[i] = T(i%7)-3, T(i%5)-2
	}
	p := product[T]{kern: &b.kern, amx: amx, m: n, n: n, k: n, alpha: 1, a: operand[T]{x, n, false}, b: operand[T]{y, n, false}, c: z, d: z, ldc: n}
	best, begin := time.Duration(0), time.Now()
	for best == 0 || time.Since(begin) < 200*time.Millisecond {
		start := time.Now()
		b.multiply(&p)
		if d := time.Since(start); best == 0 || d < best {
			best = d
		}
	}
	return 2 * n * n * n / best.Seconds()
}
