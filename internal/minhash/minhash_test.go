package minhash

import (
	"math"
	"testing"
)

func TestBanding(t *testing.T) {
	for _, threshold := range []float64{0.3, 0.5, 0.8, 0.9, 1} {
		bands, rows := banding(threshold)
		found := func(rows int) float64 {
			return 1 - math.Pow(1-math.Pow(threshold, float64(rows)), float64(permutations/rows))
		}
		if bands*rows > permutations || found(rows) < recall {
			t.Errorf("threshold %v: %d bands of %d, recall %.3f", threshold, bands, rows, found(rows))
		}
		if rows < permutations && found(rows+1) >= recall {
			t.Errorf("threshold %v: wider bands than %d would do", threshold, rows)
		}
	}
}
