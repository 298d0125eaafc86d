package optim

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gorgonia.org/tensor"
)

func TestSingularValues(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	want := []float64{9, 4, 1, 0.5, 1e-3}
	for _, shape := range [][2]int{{5, 5}, {5, 40}, {40, 5}} {
		x := withSingularValues(rng, shape[0], shape[1], want)
		for _, d := range []*tensor.Dense{dense[float64](x, shape[0], shape[1]), dense[float32](x, shape[0], shape[1])} {
			before := d.Clone().(*tensor.Dense)
			got, err := SingularValues(d)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(want) {
				t.Fatalf("%d values, want %d", len(got), len(want))
			}
			for i := range got {
				tol := 1e-12
				if d.Dtype() == tensor.Float32 {
					tol = 1e-5
				}
				if math.Abs(got[i]-want[i]) > tol {
					t.Errorf("%v %v: value %d is %.14g, want %g", shape, d.Dtype(), i, got[i], want[i])
				}
			}
			if relErr(float64s(d), float64s(before)) != 0 {
				t.Error("the matrix has changed")
			}
		}
	}
}

func TestSingularValuesErrors(t *testing.T) {
	for want, d := range map[string]*tensor.Dense{
		"is nil":         nil,
		"two dimensions": dense[float32]([]float64{1, 2}, 2),
		"element 3":      dense[float32]([]float64{1, 2, 3, math.Inf(1)}, 2, 2),
	} {
		if _, err := SingularValues(d); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
}

func TestSpectrumMeasures(t *testing.T) {
	for _, c := range []struct {
		s             []float64
		rank, entropy float64
	}{
		{[]float64{2, 2, 2, 2}, 4, 1},
		{[]float64{5, 0, 0}, 1, 0},
		{[]float64{0, 0}, 0, 0},
		{[]float64{3}, 1, 0},
		{nil, 0, 0},
		{[]float64{math.Sqrt(3), 1}, 4.0 / 3, (0.75*math.Log(4.0/3) + 0.25*math.Log(4)) / math.Log(2)},
	} {
		if got := StableRank(c.s); math.Abs(got-c.rank) > 1e-12 {
			t.Errorf("stable rank of %v is %g, want %g", c.s, got, c.rank)
		}
		if got := SpectralEntropy(c.s); math.Abs(got-c.entropy) > 1e-12 {
			t.Errorf("entropy of %v is %g, want %g", c.s, got, c.entropy)
		}
	}
}
