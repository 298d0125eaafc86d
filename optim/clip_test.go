package optim

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestGradNormAndClip(t *testing.T) {
	params := testModel[float32](11)
	opt := newTestOptimizer[float32](t, params, Config{})
	fillGrads[float32](params, 0)
	var want float64
	for _, p := range params {
		for _, v := range p.Grad.Float32s() {
			want += float64(v) * float64(v)
		}
	}
	want = math.Sqrt(want)
	norm, err := opt.ClipGradNorm(0)
	if err != nil || math.Abs(norm-want) > 1e-12*want {
		t.Fatalf("norm is %v, %v, want %v", norm, err, want)
	}
	before := append([]float32(nil), params[0].Grad.Float32s()...)
	if _, err := opt.ClipGradNorm(want * 1.01); err != nil {
		t.Fatal(err)
	}
	wantSameBits(t, "gradient below the limit", params[0].Grad.Float32s(), before)
	if norm, err := opt.ClipGradNorm(1); err != nil || math.Abs(norm-want) > 1e-12*want {
		t.Errorf("clipping reports %v, %v, want the norm before it, %v", norm, err, want)
	}
	if norm := opt.GradNorm(); math.Abs(norm-1) > 1e-6 {
		t.Errorf("norm is %v after clipping to 1", norm)
	}
	opt.ZeroGrad()
	if norm := opt.GradNorm(); norm != 0 {
		t.Errorf("norm is %v after ZeroGrad", norm)
	}
}

func TestNonFiniteIsNamed(t *testing.T) {
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		params := testModel[float32](12)
		opt := newTestOptimizer[float32](t, params, Config{})
		fillGrads[float32](params, 0)
		before := append([]float32(nil), params[0].Grad.Float32s()...)
		params[4].Grad.Float32s()[17] = bad
		params[6].Grad.Float32s()[1] = bad
		_, err := opt.ClipGradNorm(1)
		var nf *NonFiniteError
		if !errors.As(err, &nf) || nf.Param != params[4].Name || nf.Index != 17 || nf.What != "gradient" {
			t.Errorf("%v: error is %v, want one that names element 17 of %s", bad, err, params[4].Name)
		}
		wantSameBits(t, "gradients after an error", params[0].Grad.Float32s(), before)
		if err := opt.CheckValues(); err != nil {
			t.Errorf("weights are finite but %v", err)
		}
		params[2].Value.Float32s()[3] = bad
		if err := opt.CheckValues(); !errors.As(err, &nf) || nf.Param != params[2].Name || nf.Index != 3 || nf.What != "value" {
			t.Errorf("%v: error is %v, want one that names element 3 of %s", bad, err, params[2].Name)
		}
	}
}

func TestGradNormOverflowIsAnError(t *testing.T) {
	params := testModel[float64](13)
	opt := newTestOptimizer[float64](t, params, Config{})
	params[0].Grad.Float64s()[0] = 1e200
	if _, err := opt.ClipGradNorm(1); err == nil || !strings.Contains(err.Error(), "overflows") {
		t.Errorf("error is %v, want one about overflow", err)
	}
}

// Gradients of float32 near its limits must not overflow or vanish in the norm.
func TestGradNormOfExtremeFloat32(t *testing.T) {
	for _, g := range []float64{3e38, 1e-38} {
		p := Param{Name: "w", Value: dense[float32]([]float64{0, 0}, 2), Grad: dense[float32]([]float64{g, g}, 2)}
		opt, err := New([]Param{p}, Config{})
		if err != nil {
			t.Fatal(err)
		}
		want := math.Sqrt2 * float64(float32(g))
		if norm := opt.GradNorm(); math.Abs(norm-want) > 1e-9*want {
			t.Errorf("norm of two gradients of %g is %g, want %g", g, norm, want)
		}
	}
}
