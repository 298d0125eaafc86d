package naive_test

import (
	"math"
	"testing"

	"muonclip/internal/naive"
	"muonclip/internal/naive/golden"
)

// TestGolden compares every output with the PyTorch reference, which computes in float32.
func TestGolden(t *testing.T) {
	const tolerance = 1e-5
	cases, err := golden.Cases()
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) < 4 {
		t.Fatalf("%d golden cases, want at least 4", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			got, err := naive.Forward(c.Config, c.Weights, c.IDs, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, check := range []struct {
				what      string
				got, want []float64
				tolerance float64
			}{
				{"logits", got.Logits, c.Logits, tolerance},
				{"loss", []float64{got.Loss}, []float64{c.Loss}, tolerance},
				{"max logits", flatten(got.MaxLogit), c.MaxLogit, tolerance},
				{"expert load", flatten(got.ExpertLoad), c.ExpertLoad, 0},
			} {
				e := relativeError(check.got, check.want)
				t.Logf("%s: relative error %.1e over %d values", check.what, e, len(check.want))
				if !(e <= check.tolerance) {
					t.Errorf("%s: relative error %.2e, want at most %.0e\ngot  %v\nwant %v", check.what, e, check.tolerance, check.got, check.want)
				}
			}
		})
	}
}

func flatten[T int | float64](rows [][]T) []float64 {
	var out []float64
	for _, row := range rows {
		for _, v := range row {
			out = append(out, float64(v))
		}
	}
	return out
}

// relativeError is |a-b| / |b| in the Euclidean norm.
func relativeError(a, b []float64) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	var diff, norm float64
	for i := range a {
		diff += (a[i] - b[i]) * (a[i] - b[i])
		norm += b[i] * b[i]
	}
	if diff == 0 {
		return 0
	}
	return math.Sqrt(diff / norm)
}
