package report

import (
	"math"
	"slices"
)

// point is one point of a line; a NaN y ends the piece before it.
type point struct{ x, y float64 }

// downsample thins a line to at most four points for each of n bins of x: the first, least, largest and last, so that every
// spike stays visible. Points with a NaN or infinite y break the line. x must not fall.
func downsample(xs, ys []float64, n int) []point {
	if len(xs) == 0 {
		return nil
	}
	if len(xs) <= 4*n {
		out := make([]point, len(xs))
		for i := range xs {
			out[i] = point{xs[i], finite(ys[i])}
		}
		return out
	}
	lo, hi := xs[0], xs[len(xs)-1]
	bin := func(x float64) int {
		if hi <= lo {
			return 0
		}
		return min(int((x-lo)/(hi-lo)*float64(n)), n-1)
	}
	var out []point
	for i := 0; i < len(xs); {
		j, b := i, bin(xs[i])
		for j < len(xs) && bin(xs[j]) == b {
			j++
		}
		out = appendBin(out, xs[i:j], ys[i:j])
		i = j
	}
	return out
}

// appendBin appends the deciding points of one bin in their order; a bin without a finite value breaks the line.
func appendBin(out []point, xs, ys []float64) []point {
	first, last, least, most := -1, -1, -1, -1
	for i, y := range ys {
		if math.IsNaN(finite(y)) {
			continue
		}
		if first < 0 {
			first, least, most = i, i, i
		}
		last = i
		if y < ys[least] {
			least = i
		}
		if y > ys[most] {
			most = i
		}
	}
	if first < 0 {
		return append(out, point{xs[0], math.NaN()})
	}
	prev := -1
	for _, i := range []int{first, min(least, most), max(least, most), last} {
		if i != prev {
			out = append(out, point{xs[i], ys[i]})
		}
		prev = i
	}
	return out
}

// finite turns infinities, and numbers so large that their differences overflow, into NaN, so that one test is enough
// for "cannot be drawn".
func finite(v float64) float64 {
	if math.Abs(v) > 1e200 {
		return math.NaN()
	}
	return v
}

// extent gives the least and largest finite value; ok is false where there is none.
func extent(ys []float64) (lo, hi float64, ok bool) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, y := range ys {
		if !math.IsNaN(finite(y)) {
			lo, hi = min(lo, y), max(hi, y)
		}
	}
	return lo, hi, lo <= hi
}

// smooth gives the mean of two exponential moving averages with the given span, one forwards and one backwards, so
// that the curve does not lag behind a loss that falls fast. Values that are not finite are left out, and stay
// out where nothing finite is near.
func smooth(ys []float64, span float64) []float64 {
	there := average(ys, span)
	back := slices.Clone(ys)
	slices.Reverse(back)
	back = average(back, span)
	slices.Reverse(back)
	for i, y := range back {
		if !math.IsNaN(y) {
			there[i] = (there[i] + y) / 2
		}
		if math.IsNaN(finite(ys[i])) {
			there[i] = math.NaN()
		}
	}
	return there
}

// average gives the exponential moving average, corrected for its start as in Adam, so that the first values are not
// pulled to zero.
func average(ys []float64, span float64) []float64 {
	out := make([]float64, len(ys))
	keep := 1 - 2/(span+1)
	var sum, weight float64
	for i, y := range ys {
		if !math.IsNaN(finite(y)) {
			sum = keep*sum + (1-keep)*y
			weight = keep*weight + (1 - keep)
		}
		out[i] = math.NaN()
		if weight > 0 {
			out[i] = sum / weight
		}
	}
	return out
}
