package mixture

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestMixture deals rows out and checks shares, local numbers and counts against plain counting.
func TestMixture(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var sources []Source
		for _, w := range rapid.SliceOfN(rapid.Float64Range(0.01, 10), 1, 6).Draw(rt, "weights") {
			sources = append(sources, Source{Weight: w})
		}
		m, err := New(sources)
		if err != nil {
			rt.Fatal(err)
		}
		counts := make([]int64, len(sources))
		for g := range int64(2000) {
			for k := range counts {
				if c := m.Count(k, g); c != counts[k] {
					rt.Fatalf("Count(%d, %d) = %d, counted %d", k, g, c, counts[k])
				}
				if off := math.Abs(float64(counts[k]) - m.Weight(k)*float64(g)); off > float64(k+1)/2+1e-6 {
					rt.Fatalf("after %d rows source %d has %d, %.2f from its share %.3f", g, k, counts[k], off, m.Weight(k))
				}
			}
			k, local := m.At(g)
			if local != counts[k] {
				rt.Fatalf("row %d is number %d of source %d, want %d", g, local, k, counts[k])
			}
			counts[k]++
		}
	})
}

func TestFarRow(t *testing.T) {
	m, err := New([]Source{{Weight: 1}, {Weight: 1}})
	if err != nil {
		t.Fatal(err)
	}
	k, local := m.At(1<<62 + 1)
	if k < 0 || k > 1 || local < 1<<61-1 || local > 1<<61+1 {
		t.Errorf("far row: source %d, number %d", k, local)
	}
}

func TestWeights(t *testing.T) {
	m, err := New([]Source{{Size: 300}, {Size: 100}})
	if err != nil || m.Weight(0) != 0.75 || m.Weight(1) != 0.25 {
		t.Errorf("by size: %v, %v, %v", m.Weight(0), m.Weight(1), err)
	}
	for name, bad := range map[string]float64{"no number": math.NaN(), "negative": -1, "infinite": math.Inf(1), "only some zero": 0} {
		if _, err := New([]Source{{Name: "good", Weight: 1}, {Name: "bad", Weight: bad}}); err == nil || !strings.Contains(err.Error(), `"bad"`) {
			t.Errorf("%s: error %v does not name the source", name, err)
		}
	}
}
