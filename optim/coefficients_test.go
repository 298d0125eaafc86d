package optim

import (
	"math"
	"math/rand/v2"
	"testing"
)

// follow returns where the iteration takes a singular value.
func follow(coef []Coefficients, s float64) float64 {
	for _, c := range coef {
		s = c[0]*s + c[1]*s*s*s + c[2]*s*s*s*s*s
	}
	return s
}

// Each set takes singular values in [low, 1] of the norm into its band. The bands are those of the polynomials.
func TestCoefficientSetBands(t *testing.T) {
	bands := map[string]struct {
		steps       int
		low         float64
		least, most float64
	}{
		"jordan":        {5, 0.002, 0.68, 1.2025},
		"cubic":         {20, 0.002, 0.999999, 1.000001},
		"jiacheng":      {6, 0.001, 0.866, 1.0},
		"polar-express": {8, 0.001, 0.999999, 1.000001},
		"cans":          {5, 0.001, 0.884, 1.12},
	}
	sets := CoefficientSets()
	if len(sets) != len(bands) {
		t.Errorf("%d sets, want the %d known here", len(sets), len(bands))
	}
	for _, set := range sets {
		band := bands[set.Name]
		if set.Source == "" {
			t.Errorf("%s has no source", set.Name)
		}
		coef, err := NewtonSchulz{Set: set.Name, Steps: band.steps}.schedule()
		if err != nil {
			t.Fatal(err)
		}
		least, most := math.Inf(1), 0.0
		for i := range 20001 {
			s := follow(coef, band.low*math.Pow(1/band.low, float64(i)/20000))
			least, most = min(least, s), max(most, s)
		}
		t.Logf("%s: [%g, 1] to [%.6f, %.6f]", set.Name, band.low, least, most)
		if !(least >= band.least && most <= band.most) {
			t.Errorf("%s: [%g, 1] to [%.4f, %.4f], want [%g, %g]", set.Name, band.low, least, most, band.least, band.most)
		}
		// What the polynomial says of numbers holds for matrices.
		rng := rand.New(rand.NewPCG(3, 5))
		sigma := ladder(20, band.low)
		out, err := NewtonSchulz{Set: set.Name, Steps: band.steps}.Orthogonalize(dense[float64](withSingularValues(rng, 30, 20, sigma), 30, 20))
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range singularValues(t, 30, 20, float64s(out)) {
			if s < band.least-1e-6 || s > band.most+1e-6 {
				t.Errorf("%s: singular value %d is %.4f, want [%g, %g]", set.Name, i, s, band.least, band.most)
			}
		}
	}
}

// Steps select a prefix of the list, and the last polynomial repeats behind it.
func TestNamedSteps(t *testing.T) {
	for _, c := range []struct {
		set         string
		steps, want int
	}{{"jordan", 0, 5}, {"cubic", 7, 7}, {"polar-express", 0, 8}, {"polar-express", 5, 5}, {"cans", 0, 5}, {"cans", 9, 9}} {
		got, err := NewtonSchulz{Set: c.set, Steps: c.steps}.schedule()
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != c.want {
			t.Errorf("%s with %d steps has %d, want %d", c.set, c.steps, len(got), c.want)
		}
		for _, set := range CoefficientSets() {
			if set.Name != c.set {
				continue
			}
			for i := range got {
				if want := set.Coefficients[min(i, len(set.Coefficients)-1)]; got[i] != want {
					t.Errorf("%s step %d: %v, want %v", c.set, i, got[i], want)
				}
			}
		}
	}
	// Five steps of Polar Express leave [0.001, 1] within 0.16 of one.
	coef, err := NewtonSchulz{Set: "polar-express", Steps: 5}.schedule()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []float64{0.001, 0.002, 0.005, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 1} {
		if e := math.Abs(follow(coef, s) - 1); e > 0.16 {
			t.Errorf("%g becomes %.4f", s, follow(coef, s))
		}
	}
}
