package cpu

import (
	"math"
	"math/rand/v2"
	"testing"

	"muonclip/internal/compute"
)

// ulp is the distance between neighbouring float32 numbers around v.
func ulp(v float64) float64 {
	return math.Max(math.Ldexp(1, math.Ilogb(v)-23), math.SmallestNonzeroFloat32)
}

// Bounds of the exponential. Between expLow, where the AVX2 kernel begins to answer zero, and expHigh,
// above which it answers exp(88), the error is within 2 ulp. Callers subtract the largest argument
// first, so only the lower end is ever reached.
const (
	expLow  = -87
	expHigh = 88
	expULPs = 2
)

// TestExpAccuracy steps through all float32 numbers of the range, some hundred thousand of them.
func TestExpAccuracy(t *testing.T) {
	for _, kern := range float32Tables() {
		t.Run(kern.name, func(t *testing.T) {
			worst, at := 0.0, float32(0)
			sweep(t, kern, func(x, got float32) {
				want := math.Exp(float64(x))
				switch {
				case x >= expLow && x <= expHigh:
					if e := math.Abs(float64(got)-want) / ulp(want); e > worst {
						worst, at = e, x
					}
				case x < expLow: // zero, a denormal number, or in between
					if !(got >= 0 && float64(got) <= want+2*ulp(want)) {
						t.Fatalf("exp(%g) = %g, want from 0 to %g", x, got, want)
					}
				case !(float64(got) >= math.Exp(expHigh)*(1-1e-6)):
					t.Fatalf("exp(%g) = %g, want at least exp(%d)", x, got, expHigh)
				}
			})
			t.Logf("worst error %.3f ulp, at exp(%.9g)", worst, at)
			if worst > expULPs {
				t.Errorf("worst error %.2f ulp at exp(%.9g), want at most %d", worst, at, expULPs)
			}
		})
	}
}

// sweep calls see with numbers of every magnitude and sign up to 1e4 and their exponential.
func sweep(t *testing.T, kern kernels[float32], see func(x, got float32)) {
	stride := uint32(9973)
	if testing.Short() {
		stride *= 10
	}
	var in []float32
	for bits := uint32(0); bits < math.Float32bits(1e4); bits += stride {
		v := math.Float32frombits(bits)
		in = append(in, v, -v)
	}
	for v := float32(-104); v < 89; v += 0.0007 { // where the results are
		in = append(in, v)
	}
	out := make([]float32, len(in))
	kern.expSum(out, in, 0)
	for i, x := range in {
		see(x, out[i])
	}
}

// TestExpDenormals: AVX-512 and plain Go keep denormal results, at least in whole vectors.
func TestExpDenormals(t *testing.T) {
	for _, kern := range float32Tables() {
		if kern.name == "avx2" {
			continue
		}
		in, out := make([]float32, 1600), make([]float32, 1600)
		for i := range in {
			in[i] = -87 - float32(i)*17/1600
		}
		kern.expSum(out, in, 0)
		for i, x := range in {
			if want := math.Exp(float64(x)); math.Abs(float64(out[i])-want) > 2*ulp(want) {
				t.Errorf("%s: exp(%g) = %g, want %g", kern.name, x, out[i], want)
			}
		}
	}
}

func TestExpSum(t *testing.T) { eachTable(t, testExpSum[float32], testExpSum[float64]) }

// testExpSum: every length, also in place, with special values at every position.
func testExpSum[T compute.Float](t *testing.T, kern kernels[T]) {
	r := rand.New(rand.NewPCG(7, 7))
	inf, nan := math.Inf(1), math.NaN()
	special := []struct{ in, want float64 }{
		{-inf, 0}, {-math.MaxFloat32, 0}, {-1e4, 0}, {0, math.Exp(-1.5)}, {1e-40, math.Exp(-1.5)}, {-1e-40, math.Exp(-1.5)}, {1.5, 1},
	}
	const shift = 1.5
	for n := range maxLength + 1 {
		src := random[T](r, n)
		dst, whole := guarded[T](r, n)
		check := func(what string) {
			t.Helper()
			sum := kern.expSum(dst, src, shift)
			checkGuard(t, "exp", whole)
			var want float64
			for i, v := range src {
				e := math.Exp(float64(v) - shift)
				want += e
				if math.Abs(float64(dst[i])-e) > 4*epsilon[T]()*e {
					t.Fatalf("%s: exp of %d: element %d is %g, want %g", what, n, i, dst[i], e)
				}
			}
			if math.Abs(float64(sum)-want) > 8*epsilon[T]()*want {
				t.Fatalf("%s: exp of %d: sum %g, want %g", what, n, sum, want)
			}
		}
		check("random")
		for i := range src {
			old := src[i]
			for _, s := range special {
				src[i] = T(s.in)
				kern.expSum(dst, src, shift)
				if math.Abs(float64(dst[i])-s.want) > 4*epsilon[T]()*s.want {
					t.Fatalf("exp(%g - %g) at %d of %d is %g, want %g", s.in, shift, i, n, dst[i], s.want)
				}
			}
			src[i] = T(nan)
			if sum := kern.expSum(dst, src, shift); sum == sum || dst[i] == dst[i] {
				t.Fatalf("exp(NaN) at %d of %d is %g, sum %g", i, n, dst[i], sum)
			}
			for j, v := range dst {
				if j != i && v != v {
					t.Fatalf("NaN at %d of %d spread to %d", i, n, j)
				}
			}
			src[i] = old
		}
		copy(dst, src)
		src2 := append([]T(nil), src...)
		inPlace := kern.expSum(dst, dst, shift)
		if sum := kern.expSum(src2, src, shift); sum != inPlace {
			t.Errorf("exp of %d in place: sum %g, want %g", n, inPlace, sum)
		}
		wantEqual(t, "exp in place", dst, src2)
	}
}

// TestSoftmaxPart: the part of a softmax that is seen, zeros behind it, and NaN where there is one.
func TestSoftmaxPart(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	w := New[float32](1).workers[0]
	for n := 1; n <= maxLength; n++ {
		for _, seen := range []int{1, (n + 1) / 2, n} {
			x := random[float32](r, n)
			in := append([]float32(nil), x...)
			peak, sum := w.SoftmaxPart(x, seen)
			want := 0.0
			for i, v := range in {
				switch {
				case i >= seen && x[i] != 0:
					t.Fatalf("element %d of %d behind %d seen ones is %g", i, n, seen, x[i])
				case i < seen:
					e := math.Exp(float64(v - peak))
					want += e
					if v > peak || math.Abs(float64(x[i])-e) > 4*ulp(e) {
						t.Fatalf("element %d of %d is %g, want exp(%g - %g)", i, n, x[i], v, peak)
					}
				}
			}
			if math.Abs(float64(sum)-want) > 1e-6*want {
				t.Fatalf("sum of %d of %d is %g, want %g", seen, n, sum, want)
			}
			in[seen-1] = float32(math.NaN())
			if peak, sum := w.SoftmaxPart(in, seen); peak == peak || sum == sum {
				t.Fatalf("with NaN the largest is %g and the sum %g", peak, sum)
			}
		}
	}
}
