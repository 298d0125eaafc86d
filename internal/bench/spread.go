package bench

import (
	"fmt"
	"math"
	"slices"
)

// Spread is the minimum, median and maximum of a figure over the measured rounds.
type Spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

// spread orders x, which must not be empty. Of an even number of values the median is the mean of the middle two.
func spread(x []float64) Spread {
	slices.Sort(x)
	n := len(x)
	return Spread{Min: x[0], Median: (x[(n-1)/2] + x[n/2]) / 2, Max: x[n-1]}
}

// over is the spread of total/s for a spread of seconds: the shortest time is the highest rate.
func (s Spread) over(total float64) Spread {
	return Spread{Min: total / s.Max, Median: total / s.Median, Max: total / s.Min}
}

// geomean is the geometric mean, the one in which a ratio and its inverse cancel.
func geomean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += math.Log(v)
	}
	return math.Exp(sum / float64(len(x)))
}

// bytesText writes a size as people read it.
func bytesText(n int64) string {
	switch v := float64(n); {
	case v >= 1e9:
		return fmt.Sprintf("%.2f GB", v/1e9)
	case v >= 1e6:
		return fmt.Sprintf("%.1f MB", v/1e6)
	default:
		return fmt.Sprintf("%.1f kB", v/1e3)
	}
}
