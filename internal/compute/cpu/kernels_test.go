package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"muonclip/internal/compute"
)

// maxLength covers whole vectors, unrolled loops and every tail.
const maxLength = 70

// eachTable runs a test on every table of kernels, in both element types.
func eachTable(t *testing.T, single func(*testing.T, kernels[float32]), double func(*testing.T, kernels[float64])) {
	for _, k := range float32Tables() {
		t.Run(k.label()+" float32", func(t *testing.T) { single(t, k) })
	}
	t.Run("go float64", func(t *testing.T) { double(t, goKernels[float64]()) })
}

// epsilon is the distance from 1 to the next number.
func epsilon[T compute.Float]() float64 {
	one := T(1)
	if math.Nextafter(1, 2) == float64(one+T(math.Nextafter(1, 2)-1)) {
		return 0x1p-52
	}
	return 0x1p-23
}

// guarded returns n random elements with one on either side that no kernel may write.
func guarded[T compute.Float](r *rand.Rand, n int) (inner, whole []T) {
	whole = random[T](r, n+2)
	whole[0], whole[n+1] = 77, 77
	return whole[1 : n+1], whole
}

func checkGuard[T compute.Float](t *testing.T, what string, whole []T) {
	t.Helper()
	if whole[0] != 77 || whole[len(whole)-1] != 77 {
		t.Fatalf("%s of %d wrote outside its destination", what, len(whole)-2)
	}
}

func TestDot(t *testing.T) { eachTable(t, testDot[float32], testDot[float64]) }

func testDot[T compute.Float](t *testing.T, kern kernels[T]) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range maxLength + 1 {
		x, y := random[T](r, n), random[T](r, n+3)
		var want, size float64
		for i, v := range x {
			want += float64(v) * float64(y[i])
			size += math.Abs(float64(v) * float64(y[i]))
		}
		if got := float64(kern.dot(x, y)); math.Abs(got-want) > 4*epsilon[T]()*size {
			t.Errorf("dot of %d is %g, want %g", n, got, want)
		}
		for i := range x {
			old := x[i]
			x[i] = T(math.NaN())
			if got := kern.dot(x, y); got == got {
				t.Errorf("dot of %d with NaN at %d is %g", n, i, got)
			}
			x[i] = old
		}
	}
}

func TestAxpy(t *testing.T) { eachTable(t, testAxpy[float32], testAxpy[float64]) }

func testAxpy[T compute.Float](t *testing.T, kern kernels[T]) {
	r := rand.New(rand.NewPCG(2, 2))
	for n := range maxLength + 1 {
		x := random[T](r, n)
		y, whole := guarded[T](r, n)
		before := append([]T(nil), y...)
		kern.axpy(0.3, x, y)
		checkGuard(t, "axpy", whole)
		for i := range y {
			term := float64(T(0.3)) * float64(x[i])
			want := float64(before[i]) + term
			if math.Abs(float64(y[i])-want) > epsilon[T]()*(math.Abs(want)+math.Abs(term)) {
				t.Errorf("axpy of %d: element %d is %g, want %g", n, i, y[i], want)
			}
		}
		exact := append([]T(nil), before...)
		kern.axpy(1, x, exact) // with a of one there is no product to round: equal bits in every table
		for i := range before {
			before[i] += x[i]
		}
		wantEqual(t, "axpy with one", exact, before)
	}
}

func TestMax(t *testing.T) { eachTable(t, testMax[float32], testMax[float64]) }

func testMax[T compute.Float](t *testing.T, kern kernels[T]) {
	r := rand.New(rand.NewPCG(3, 3))
	low := T(math.Inf(-1))
	for n := range maxLength + 1 {
		x := make([]T, n)
		for i := range x {
			x[i] = low
		}
		if got := kern.max(x); got != low {
			t.Errorf("max of %d times minus infinity is %g", n, got)
		}
		for i := range x {
			x[i] = T(-1 - r.Float64()) // all negative: zero is not a neutral element
		}
		for i := range x {
			old := x[i]
			for _, v := range []float64{-0.5, 3, math.Inf(1)} {
				x[i] = T(v)
				if got := kern.max(x); got != x[i] {
					t.Errorf("max of %d with %g at %d is %g", n, v, i, got)
				}
			}
			x[i] = T(math.NaN())
			if got := kern.max(x); got == got {
				t.Errorf("max of %d with NaN at %d is %g", n, i, got)
			}
			x[i] = old
		}
	}
}

func TestTranspose(t *testing.T) { eachTable(t, testTranspose[float32], testTranspose[float64]) }

func testTranspose[T compute.Float](t *testing.T, kern kernels[T]) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, rows := range []int{0, 1, 2, 3, 6, 7, 8, 9, 15, 16, 17, 32, 33} {
		for cols := range maxLength + 1 {
			for _, pad := range []int{0, 3} {
				lds, ldd := cols+pad, rows+pad
				src, dst := random[T](r, rows*lds+1), random[T](r, cols*ldd+1)
				want := append([]T(nil), dst...)
				for i := range rows {
					for j := range cols {
						want[j*ldd+i] = src[i*lds+j]
					}
				}
				kern.transpose(dst, ldd, src, lds, rows, cols)
				wantEqual(t, fmt.Sprintf("transpose of %d x %d, pad %d", rows, cols, pad), dst, want)
			}
		}
	}
}

func wantEqual[T compute.Float](t *testing.T, what string, got, want []T) {
	t.Helper()
	for i, w := range want {
		if got[i] != w {
			t.Fatalf("%s: element %d is %g, want %g", what, i, got[i], w)
		}
	}
}
