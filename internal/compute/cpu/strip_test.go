package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"muonclip/internal/compute"
)

func TestStrip(t *testing.T) { eachTable(t, testStrip[float32], testStrip[float64]) }

// testStrip computes strips with A as it is and transposed, all widths, and panels, and looks for writes outside.
func testStrip[T compute.Float](t *testing.T, kern kernels[T]) {
	r := rand.New(rand.NewPCG(11, 11))
	rows := kern.stripRows
	for _, k := range []int{1, 2, 7, 48, 100} {
		for n := kern.lanes; n <= 10*kern.lanes; n += kern.lanes {
			for _, transposed := range []bool{false, true} {
				ai, ax := k+3, 1
				if transposed {
					ai, ax = 1, rows+5
				}
				a, b := random[T](r, rows*(k+3)+k*(rows+5)), random[T](r, k*(n+4))
				for _, accumulate := range []bool{false, true} {
					c := random[T](r, rows*(n+2))
					before := append([]T(nil), c...)
					kern.strip(k, a, ai, ax, b, n+4, c, n+2, n, accumulate)
					what := fmt.Sprintf("strip of depth %d, %d columns, transposed %v", k, n, transposed)
					checkStripResult(t, what, c, before, rows, n, k, accumulate, func(i, x int) T { return a[i*ai+x*ax] }, func(x, j int) T { return b[x*(n+4)+j] })
				}
			}
		}
		for count := 1; count <= 3; count++ {
			n := count * panelCols
			a, b, c := random[T](r, rows*(k+1)), random[T](r, k*n), random[T](r, rows*(n+2))
			before := append([]T(nil), c...)
			kern.stripPanels(k, a, k+1, b, c, n+2, count)
			checkStripResult(t, fmt.Sprintf("%d panels of depth %d", count, k), c, before, rows, n, k, false,
				func(i, x int) T { return a[i*(k+1)+x] }, func(x, j int) T { return b[j/panelCols*panelCols*k+x*panelCols+j%panelCols] })
		}
	}
}

// checkStripResult compares c, with rows n+2 apart, with the product in float64.
func checkStripResult[T compute.Float](t *testing.T, what string, c, before []T, rows, n, k int, accumulate bool, a, b func(i, j int) T) {
	t.Helper()
	for i := range rows {
		for j := range n + 2 {
			got, old := c[i*(n+2)+j], before[i*(n+2)+j]
			if j >= n {
				if got != old {
					t.Fatalf("%s: wrote behind row %d", what, i)
				}
				continue
			}
			var want, size float64
			for x := range k {
				term := float64(a(i, x)) * float64(b(x, j))
				want, size = want+term, size+math.Abs(term)
			}
			if accumulate {
				want, size = want+float64(old), size+math.Abs(float64(old))
			}
			if math.Abs(float64(got)-want) > 8*epsilon[T]()*size {
				t.Fatalf("%s, accumulate %v: element %d,%d is %g, want %g", what, accumulate, i, j, got, want)
			}
		}
	}
}

func TestSoftmaxGrad(t *testing.T) { eachTable(t, testSoftmaxGrad[float32], testSoftmaxGrad[float64]) }

func testSoftmaxGrad[T compute.Float](t *testing.T, kern kernels[T]) {
	r := rand.New(rand.NewPCG(12, 12))
	for n := range maxLength + 1 {
		s, wholeS := guarded[T](r, n)
		dp, wholeD := guarded[T](r, n)
		if n > 2 {
			s[n/2] = minusInf[T]()
		}
		s0, dp0 := append([]T(nil), s...), append([]T(nil), dp...)
		const shift, d = 0.75, -0.5
		kern.softmaxGrad(s, dp, shift, d)
		checkGuard(t, "probabilities", wholeS)
		checkGuard(t, "gradients", wholeD)
		for i := range s {
			p := math.Exp(float64(s0[i]) - shift)
			want := p * (float64(dp0[i]) - d)
			if math.Abs(float64(s[i])-p) > 4*epsilon[T]()*p || math.Abs(float64(dp[i])-want) > 8*epsilon[T]()*p*(math.Abs(float64(dp0[i]))+1) {
				t.Fatalf("%d of %d: %g and %g, want %g and %g", i, n, s[i], dp[i], p, want)
			}
		}
	}
}

func TestRowKernels(t *testing.T) { eachTable(t, testRowKernels[float32], testRowKernels[float64]) }

// testRowKernels: scaling, copying, the sum of three factors and the two kernels of RMSNorm at every length.
func testRowKernels[T compute.Float](t *testing.T, kern kernels[T]) {
	r := rand.New(rand.NewPCG(13, 13))
	const f, g = 0.3, -1.7
	for n := range maxLength + 1 {
		x, y, w := random[T](r, n), random[T](r, n), random[T](r, n)
		check := func(what string, whole []T, size float64, want func(i int) float64) {
			t.Helper()
			checkGuard(t, what, whole)
			for i, got := range whole[1 : len(whole)-1] {
				if v := want(i); math.Abs(float64(got)-v) > 8*epsilon[T]()*(size+math.Abs(v)) {
					t.Fatalf("%s of %d: element %d is %g, want %g", what, n, i, got, v)
				}
			}
		}
		wide := func(v T) float64 { return float64(v) }
		out, whole := guarded[T](r, n)
		kern.scale(out, x, f)
		check("scale", whole, 0, func(i int) float64 { return wide(T(f)) * wide(x[i]) })
		kern.normalize(out, x, w, f)
		check("normalize", whole, 0, func(i int) float64 { return wide(T(f)) * wide(x[i]) * wide(w[i]) })

		var sum, size float64
		for i := range x {
			term := wide(x[i]) * wide(y[i]) * wide(w[i])
			sum, size = sum+term, size+math.Abs(term)
		}
		if got := wide(kern.dot3(x, y, w)); math.Abs(got-sum) > 8*epsilon[T]()*size {
			t.Fatalf("dot3 of %d is %g, want %g", n, got, sum)
		}

		dx, wholeX := guarded[T](r, n)
		dw, wholeW := guarded[T](r, n)
		dx0, dw0 := append([]T(nil), dx...), append([]T(nil), dw...)
		kern.normGrad(dx, dw, y, x, w, f, g)
		check("gradient of x", wholeX, 4, func(i int) float64 {
			return wide(dx0[i]) + wide(y[i])*wide(w[i])*wide(T(f)) - wide(x[i])*wide(T(g))
		})
		check("gradient of the weight", wholeW, 4, func(i int) float64 { return wide(dw0[i]) + wide(y[i])*wide(x[i])*wide(T(f)) })

		const rows = 11
		src, dst := random[T](r, rows*(n+3)), random[T](r, rows*(n+2))
		before := append([]T(nil), dst...)
		kern.copyScaled(dst, n+2, src, n+3, rows, n, f)
		for i, got := range dst {
			want := before[i]
			if row, col := i/(n+2), i%(n+2); col < n {
				want = T(f) * src[row*(n+3)+col]
			}
			if got != want {
				t.Fatalf("copy of %d columns: element %d is %g, want %g", n, i, got, want)
			}
		}
	}
}

func TestSwiGLUKernels(t *testing.T) {
	eachTable(t, testSwiGLUKernels[float32], testSwiGLUKernels[float64])
}

func testSwiGLUKernels[T compute.Float](t *testing.T, kern kernels[T]) {
	const tiny = 1e-33 // AVX2 answers exp(88) for what is larger
	r := rand.New(rand.NewPCG(14, 14))
	for n := range maxLength + 1 {
		gate, up, d := random[T](r, n), random[T](r, n), random[T](r, n)
		if n > 3 {
			gate[0], gate[n/2], gate[n-1] = -200, 200, -30
		}
		out, whole := guarded[T](r, n)
		kern.swiglu(out, gate, up)
		checkGuard(t, "activation", whole)
		g0, u0 := append([]T(nil), gate...), append([]T(nil), up...)
		act := make([]T, n)
		const factor = 0.6
		dot := float64(kern.swigluGrad(gate, up, d, act, factor))
		var sum, size float64
		for i := range out {
			g, u, v := float64(g0[i]), float64(u0[i]), float64(d[i])
			s := 1 / (1 + math.Exp(-g))
			want := g * s * u
			sum, size = sum+want*v, size+math.Abs(want*v)
			for _, c := range []struct {
				what      string
				got, want float64
			}{
				{"activation", float64(out[i]), want},
				{"scaled activation", float64(act[i]), factor * want},
				{"gradient of up", float64(up[i]), factor * v * g * s},
				{"gradient of gate", float64(gate[i]), factor * v * u * s * (1 + g*(1-s))},
			} {
				if math.Abs(c.got-c.want) > tiny+16*epsilon[T]()*(math.Abs(c.want)+math.Abs(factor*v*u*s*g)) {
					t.Fatalf("%s %d of %d at gate %g: %g, want %g", c.what, i, n, g, c.got, c.want)
				}
			}
		}
		if math.Abs(dot-sum) > tiny+16*epsilon[T]()*size {
			t.Fatalf("dot product of %d is %g, want %g", n, dot, sum)
		}
	}
}
