package lab

import (
	"math"
	"slices"

	"muonclip/internal/report"
)

// band is the mean of a curve over runs with what lies between the least and the largest of them, at the points of the
// run that has fewest: those of the others are read off between their own. With logs the mean is geometric, for values
// that spread by factors. A single run has no band.
func band(runs []*Result, logs bool, pick func(*Result) (x, y []float64)) (report.Line, bool) {
	var xs, ys [][]float64
	for _, r := range runs {
		if x, y := pick(r); len(x) > 0 {
			xs, ys = append(xs, x), append(ys, y)
		}
	}
	if len(xs) == 0 {
		return report.Line{}, false
	}
	grid := slices.MinFunc(xs, func(a, b []float64) int { return len(a) - len(b) })
	l := report.Line{X: grid}
	for _, at := range grid {
		sum, n := 0.0, 0.0
		low, high := math.NaN(), math.NaN()
		for i := range xs {
			v := interpolate(xs[i], ys[i], at)
			if math.IsNaN(v) || math.IsInf(v, 0) || logs && v <= 0 {
				continue
			}
			if n == 0 || v < low {
				low = v
			}
			if n == 0 || v > high {
				high = v
			}
			if logs {
				v = math.Log(v)
			}
			sum, n = sum+v, n+1
		}
		middle := sum / n
		if logs {
			middle = math.Exp(middle)
		}
		l.Y, l.Low, l.High = append(l.Y, middle), append(l.Low, low), append(l.High, high)
	}
	if len(xs) < 2 {
		l.Low, l.High = nil, nil
	}
	return l, true
}

// interpolate reads a curve at a place between its points; NaN outside them. x rises.
func interpolate(x, y []float64, at float64) float64 {
	i, found := slices.BinarySearch(x, at)
	switch {
	case found:
		return y[i]
	case i == 0 || i == len(x):
		return math.NaN()
	}
	u := (at - x[i-1]) / (x[i] - x[i-1])
	return y[i-1] + u*(y[i]-y[i-1])
}

// smooth is the mean over a window of 2w+1 values around each; values that are not finite are left out.
func smooth(y []float64, w int) []float64 {
	out := make([]float64, len(y))
	for i := range y {
		var sum, n float64
		for k := max(0, i-w); k <= min(len(y)-1, i+w); k++ {
			if v := y[k]; !math.IsNaN(v) && !math.IsInf(v, 0) {
				sum, n = sum+v, n+1
			}
		}
		out[i] = sum / n
	}
	return out
}
