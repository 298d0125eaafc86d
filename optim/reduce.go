package optim

import "muonclip/internal/compute"

// blockLen is the number of elements in one block of an elementwise pass. It is a constant, so that sums over blocks
// are the same whatever the number of threads.
const blockLen = 1 << 14

// sumSquares returns the sum of squares of x in float64, in four interleaved sums.
func sumSquares[T compute.Float](x []T) float64 {
	var s0, s1, s2, s3 float64
	for len(x) >= 4 {
		a, b, c, d := float64(x[0]), float64(x[1]), float64(x[2]), float64(x[3])
		s0 += a * a
		s1 += b * b
		s2 += c * c
		s3 += d * d
		x = x[4:]
	}
	for _, v := range x {
		s0 += float64(v) * float64(v)
	}
	return (s0 + s1) + (s2 + s3)
}

// sum adds pairwise, so that rounding grows with the logarithm of the length.
func sum(x []float64) float64 {
	if len(x) <= 8 {
		var s float64
		for _, v := range x {
			s += v
		}
		return s
	}
	h := len(x) / 2
	return sum(x[:h]) + sum(x[h:])
}
