package naive

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/model"
)

// TestRotationPairs fixes which elements turn together: neighbours in MLA, halves in GQA.
func TestRotationPairs(t *testing.T) {
	cfg := model.Config{HeadDim: 4, RopeTheta: 100}
	p := &pass{cfg: cfg}
	p.cos, p.sin = RopeTable(cfg, 3)
	c0, s0 := math.Cos(2), math.Sin(2)         // pair 0 turns by 1 a position
	c1, s1 := math.Cos(2./10), math.Sin(2./10) // pair 1 by 100^(-2/4)
	x := []float64{1, 2, 3, 4}
	p.rotateInterleaved(x, 2)
	near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-15 })
	if diff := cmp.Diff([]float64{c0 - 2*s0, s0 + 2*c0, 3*c1 - 4*s1, 3*s1 + 4*c1}, x, near); diff != "" {
		t.Errorf("interleaved (-want +got):\n%s", diff)
	}
	x = []float64{1, 2, 3, 4}
	p.rotateHalves(x, 2)
	if diff := cmp.Diff([]float64{c0 - 3*s0, 2*c1 - 4*s1, s0 + 3*c0, 2*s1 + 4*c1}, x, near); diff != "" {
		t.Errorf("halves (-want +got):\n%s", diff)
	}
}
