// Package wilson gives intervals of shares that hold for few samples and for shares near 0 and 1.
package wilson

import "math"

// Interval is the score interval at 95 % of a share p of n samples, n above 0 (Wilson, "Probable inference, the law of
// succession, and statistical inference", 1927).
func Interval(p, n float64) (low, high float64) {
	const z = 1.959964
	center := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(0, center-half), min(1, center+half)
}
