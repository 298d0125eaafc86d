package referee_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/internal/naive/golden"
	"muonclip/internal/referee"
)

// TestGoldenGradients compares with the float32 gradients of the PyTorch reference.
func TestGoldenGradients(t *testing.T) {
	cases, err := golden.Cases()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			got, err := referee.Run(c.Config, c.Weights, c.IDs, nil)
			if err != nil {
				t.Fatal(err)
			}
			if e := math.Abs(got.Loss-c.Loss) / c.Loss; !(e <= 1e-6) {
				t.Errorf("loss %v, want %v", got.Loss, c.Loss)
			}
			if e := relativeError(got.Logits, c.Logits); !(e <= 1e-5) {
				t.Errorf("logits: relative error %.2e", e)
			}
			checkGrads(t, got.Grads, c.Grads, 1e-4)
		})
	}
}

// checkGrads compares all gradients tensor by tensor and wants the same set of names.
func checkGrads(t *testing.T, got, want map[string][]float64, tolerance float64) {
	t.Helper()
	worst, where := 0.0, ""
	for name, w := range want {
		g, ok := got[name]
		if !ok {
			t.Errorf("no gradient of %s", name)
			continue
		}
		e := relativeError(g, w)
		if !(e <= tolerance) {
			t.Errorf("gradient of %s: relative error %.2e, want at most %.0e", name, e, tolerance)
		}
		if e > worst {
			worst, where = e, name
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok && !strings.HasSuffix(name, "correction_bias") {
			t.Errorf("gradient of %s is not in the reference", name)
		}
	}
	t.Logf("worst relative error over %d tensors: %.1e (%s)", len(want), worst, where)
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

// TestBadWeights checks that wrong arguments come back as errors that name the weight.
func TestBadWeights(t *testing.T) {
	cases, err := golden.Cases()
	if err != nil {
		t.Fatal(err)
	}
	c := cases[0]
	c.Weights["model.norm.weight"] = c.Weights["model.norm.weight"][1:]
	_, err = referee.Run(c.Config, c.Weights, c.IDs, nil)
	if err == nil || !strings.Contains(err.Error(), "model.norm.weight") {
		t.Errorf("error %v, want one about model.norm.weight", err)
	}
}

// TestWeightsUntouched checks that a run changes no weight and gives the same bits again.
func TestWeightsUntouched(t *testing.T) {
	cases, err := golden.Cases()
	if err != nil {
		t.Fatal(err)
	}
	c := cases[1]
	before := map[string][]float64{}
	for name, w := range c.Weights {
		before[name] = append([]float64(nil), w...)
	}
	first, err := referee.Run(c.Config, c.Weights, c.IDs, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, c.Weights); diff != "" {
		t.Errorf("weights changed (-before +after):\n%s", diff)
	}
	second, err := referee.Run(c.Config, c.Weights, c.IDs, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("second run differs (-first +second):\n%s", diff)
	}
}
