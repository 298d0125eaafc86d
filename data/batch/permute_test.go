package batch

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestPermutationIsBijection visits every element exactly once, for every small size.
func TestPermutationIsBijection(t *testing.T) {
	check := func(t interface{ Fatalf(string, ...any) }, n int64, key uint64) {
		p := newPermutation(n, key)
		seen := make([]bool, n)
		for i := range n {
			x := p.at(i)
			if x < 0 || x >= n || seen[x] {
				t.Fatalf("n %d, key %d: place %d holds %d, outside or seen before", n, key, i, x)
			}
			seen[x] = true
		}
	}
	for n := int64(1); n <= 300; n++ {
		check(t, n, uint64(n))
	}
	rapid.Check(t, func(rt *rapid.T) {
		check(rt, rapid.Int64Range(1, 5000).Draw(rt, "n"), rapid.Uint64().Draw(rt, "key"))
	})
}

// TestPermutationIsUniform counts over many keys which element comes to which place. Each of the
// 49 cells expects keys/7; chi-squared with 36 degrees of freedom stays below 80 except once in 30,000.
func TestPermutationIsUniform(t *testing.T) {
	const n, keys = 7, 20000
	var cells [n][n]float64
	for k := range uint64(keys) {
		p := newPermutation(n, key(k))
		for i := range int64(n) {
			cells[i][p.at(i)]++
		}
	}
	var chi float64
	for _, r := range cells {
		for _, c := range r {
			chi += math.Pow(c-keys/n, 2) / (keys / n)
		}
	}
	if chi > 80 {
		t.Errorf("chi-squared is %.1f, want about 36", chi)
	}
}
