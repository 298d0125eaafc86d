package optim

import (
	"math"
	"testing"
)

// After one step with bias correction the moments are g and g^2, so the update is lr*g/(|g|+eps): eps stands outside
// the root.
func TestAdamWFirstStep(t *testing.T) {
	grads := []float64{0, 1e-9, -3e-8, 0.4, -200}
	for _, eps := range []float64{0, 0.5} { // 0 means 1e-8
		p := Param{Name: "v", Value: dense[float64](make([]float64, len(grads)), len(grads)), Grad: dense[float64](grads, len(grads))}
		opt, err := New([]Param{p}, Config{Beta1: 0.7, Beta2: 0.9, Eps: eps})
		if err != nil {
			t.Fatal(err)
		}
		st := opt.Step(0.25)
		if eps == 0 {
			eps = 1e-8
		}
		var sq float64
		for i, g := range grads {
			want := -0.25 * g / (math.Abs(g) + eps)
			sq += want * want
			if got := p.Value.Float64s()[i]; math.Abs(got-want) > 1e-14 {
				t.Errorf("eps %g, gradient %g: weight is %g, want %g", eps, g, got, want)
			}
		}
		wantClose(t, "update RMS", []float64{st.ClassRMS[AdamW]}, []float64{math.Sqrt(sq / float64(len(grads)))}, 1e-12)
	}
}
