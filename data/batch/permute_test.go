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

// TestMixture deals sequences out and checks shares, local numbers and count against plain counting.
func TestMixture(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := rapid.SliceOfN(rapid.Float64Range(0.01, 1), 1, 6).Draw(rt, "weights")
		var sum float64
		for _, x := range w {
			sum += x
		}
		for i := range w {
			w[i] /= sum
		}
		m := newMixture(w)
		counts := make([]int64, len(w))
		for g := range int64(2000) {
			for k := range counts {
				if c := m.count(k, g); c != counts[k] {
					rt.Fatalf("count(%d, %d) = %d, counted %d", k, g, c, counts[k])
				}
				if off := math.Abs(float64(counts[k]) - w[k]*float64(g)); off > float64(k+1)/2+1e-6 {
					rt.Fatalf("after %d sequences source %d has %d, %.2f from its share %.3f", g, k, counts[k], off, w[k])
				}
			}
			k, local := m.at(g)
			if local != counts[k] {
				rt.Fatalf("sequence %d is number %d of source %d, want %d", g, local, k, counts[k])
			}
			counts[k]++
		}
	})
	k, local := newMixture([]float64{0.5, 0.5}).at(1<<62 + 1)
	if k < 0 || k > 1 || local < 1<<61-1 || local > 1<<61+1 {
		t.Errorf("far sequence: source %d, number %d", k, local)
	}
}
