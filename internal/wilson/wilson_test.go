package wilson

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestInterval(t *testing.T) {
	low, high := Interval(0.8, 10) // 0.4902 to 0.9433 by the formula
	if math.Abs(low-0.4902) > 5e-4 || math.Abs(high-0.9433) > 5e-4 {
		t.Errorf("interval of 8 in 10 is %.4f to %.4f", low, high)
	}
}

// TestEdges: at the bounds of the interval the score test of the observed share is just rejected.
func TestEdges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5000).Draw(t, "n")
		p := float64(rapid.IntRange(0, n).Draw(t, "k")) / float64(n)
		low, high := Interval(p, float64(n))
		if low > p+1e-12 || high < p-1e-12 {
			t.Fatalf("%v to %v does not hold %v", low, high, p)
		}
		for _, q := range []float64{low, high} {
			if q <= 1e-12 || q >= 1-1e-12 {
				continue
			}
			if z := math.Abs(p-q) / math.Sqrt(q*(1-q)/float64(n)); math.Abs(z-1.959964) > 1e-6 {
				t.Fatalf("%v of %d: the bound %v is %v standard errors away", p, n, q, z)
			}
		}
	})
}
