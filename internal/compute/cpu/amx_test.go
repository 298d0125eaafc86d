package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// amxTables are the fastest table with AMX and the same without.
func amxTables(t *testing.T) (with, without kernels[float32]) {
	with = kernelsFor[float32]()
	if with.amx == nil {
		t.Skip("this processor has no AMX, or the system does not grant it")
	}
	without = with
	without.amx = nil
	return with, without
}

// forced multiplies on one worker, with AMX for small products too.
func forced(b *Backend[float32], amx bool, s gemmShape, alpha float32, x, y []float32, beta float32, z []float32, ldc int) {
	transA, transB, lda, ldb := s.strides()
	b.workers[0].gemm(amx, transA, transB, s.m, s.n, s.k, alpha, x, lda, y, ldb, beta, z, ldc)
}

// TestAMXPays: the choice asks for sizes only, and it takes AMX for the products of training.
func TestAMXPays(t *testing.T) {
	with, without := amxTables(t)
	if amxPays(&without, 512, 512, 512) || !amxPays(&with, 512, 512, 512) || !amxPays(&with, 2048, 256, 256) {
		t.Error("wrong choice for large products")
	}
	if amxPays(&with, 1, 256, 256) || amxPays(&with, 256, 16, 256) || amxPays(&with, 256, 256, 8) {
		t.Error("AMX for a small product")
	}
}

// TestAMXEdges: every way of sticking out of tiles, steps and blocks, against float64.
func TestAMXEdges(t *testing.T) {
	with, _ := amxTables(t)
	b := backend(with, 1)
	r := rand.New(rand.NewPCG(21, 21))
	var sizes [][3]int
	for i := 1; i <= 70; i++ {
		a, b := 1+r.IntN(70), 1+r.IntN(70)
		sizes = append(sizes, [3]int{i, a, b}, [3]int{a, i, b}, [3]int{b, a, i})
	}
	sizes = append(sizes, [3]int{33, 5, amxDepth}, [3]int{33, 40, amxDepth + 1}, [3]int{amxRows + 1, 33, 2*amxDepth + 31}, [3]int{70, amxCols + 17, 64})
	for _, size := range sizes {
		for _, kind := range []string{"nn", "nt", "tn", "tt"} {
			coef := [][2]float32{{1, 0}, {1, 1}, {-0.3, 0.7}, {0.5, 0}}[r.IntN(4)]
			testAMXShape(t, b, r, gemmShape{kind: kind, m: size[0], n: size[1], k: size[2]}, coef[0], coef[1])
		}
	}
}

func testAMXShape(t *testing.T, b *Backend[float32], r *rand.Rand, s gemmShape, alpha, beta float32) {
	t.Helper()
	transA, transB, lda, ldb := s.strides()
	if s.kind == "tt" {
		transA, transB, lda, ldb = true, true, s.m, s.k
	}
	ldc := s.n + r.IntN(3)
	x, y, c := random[float32](r, s.m*s.k), random[float32](r, s.n*s.k), random[float32](r, s.m*ldc)
	if beta == 0 { // must be overwritten, not multiplied by zero
		for i := range s.m {
			for j := range s.n {
				c[i*ldc+j] = float32(math.NaN())
			}
		}
	}
	want := naiveGemm(transA, transB, s.m, s.n, s.k, alpha, x, lda, y, ldb, beta, c, ldc)
	got := append([]float32(nil), c...)
	b.workers[0].gemm(true, transA, transB, s.m, s.n, s.k, alpha, x, lda, y, ldb, beta, got, ldc)
	for i := range s.m {
		for j := range ldc {
			g := got[i*ldc+j]
			if j >= s.n {
				if g != c[i*ldc+j] {
					t.Fatalf("%+v: wrote between the rows of c", s)
				}
				continue
			}
			if err := math.Abs(float64(g) - want[i*s.n+j]); !(err <= 3e-7*(1+4*math.Sqrt(float64(s.k)))) {
				t.Fatalf("%+v alpha %g beta %g: c[%d,%d] = %g, want %g", s, alpha, beta, i, j, g, want[i*s.n+j])
			}
		}
	}
}

// TestAMXIsAccurate: errors are no more than twice those of the kernels of float32, at worst and on average, for numbers of
// one size and for numbers that differ by 20 orders of magnitude.
func TestAMXIsAccurate(t *testing.T) {
	with, without := amxTables(t)
	b, plain := backend(with, 1), backend(without, 1)
	r := rand.New(rand.NewPCG(22, 22))
	fills := map[string]func() float32{
		"normal":   func() float32 { return float32(r.NormFloat64()) },
		"positive": func() float32 { return r.Float32() },
		"20 orders": func() float32 {
			return float32(r.NormFloat64() * math.Pow(10, 20*r.Float64()-10))
		},
		"small": func() float32 { return float32(r.NormFloat64() * 1e-12) },
	}
	for name, fill := range fills {
		for _, size := range [][3]int{{65, 70, 33}, {97, 80, 300}, {64, 64, 2000}, {256, 128, 64}} {
			s := gemmShape{kind: "nt", m: size[0], n: size[1], k: size[2]}
			x, y := make([]float32, s.m*s.k), make([]float32, s.n*s.k)
			for i := range x {
				x[i] = fill()
			}
			for i := range y {
				y[i] = fill()
			}
			want := naiveGemm(false, true, s.m, s.n, s.k, 1, x, s.k, y, s.k, 0, nil, 0)
			magnitude := naiveGemm(false, true, s.m, s.n, s.k, 1, magnitudes(x), s.k, magnitudes(y), s.k, 0, nil, 0)
			var worst, mean [2]float64
			for i, be := range []*Backend[float32]{plain, b} {
				got := make([]float32, s.m*s.n)
				forced(be, i == 1, s, 1, x, y, 0, got, s.n)
				for j, g := range got {
					err := math.Abs(float64(g)-want[j]) / magnitude[j]
					worst[i], mean[i] = max(worst[i], err), mean[i]+err/float64(len(got))
				}
			}
			t.Logf("%-10s %v: float32 %.1e at worst, %.1e on average, AMX %.1e and %.1e", name, size, worst[0], mean[0], worst[1], mean[1])
			if !(worst[1] <= 2*worst[0]) || !(mean[1] <= 2*mean[0]) {
				t.Errorf("%s %v: AMX errs by %.2e at worst and %.2e on average, float32 by %.2e and %.2e", name, size, worst[1], mean[1], worst[0], mean[0])
			}
		}
	}
}

func magnitudes(x []float32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(math.Abs(float64(v)))
	}
	return y
}

// TestAMXNotFinite: infinities, NaN and numbers that come close to infinity give what float32 gives, and touch no
// other rows and columns.
func TestAMXNotFinite(t *testing.T) {
	with, _ := amxTables(t)
	b := backend(with, 1)
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	signaling := math.Float32frombits(0x7f800001) // its upper half is that of an infinity
	s := gemmShape{m: 130, n: 100, k: 300}
	for _, kind := range []string{"nn", "nt", "tn"} {
		s.kind = kind
		transA, transB, lda, ldb := s.strides()
		for _, odd := range []float32{inf, -inf, nan, signaling, math.MaxFloat32, -math.MaxFloat32} {
			for _, side := range []string{"a", "b"} {
				x, y, got := make([]float32, s.m*s.k), make([]float32, s.n*s.k), make([]float32, s.m*s.n)
				for i := range x {
					x[i] = 0.5 // the second and third part are zero
				}
				for i := range y {
					y[i] = 0.25
				}
				if side == "a" {
					x[len(x)/2+7] = odd
				} else {
					y[len(y)/2+7] = odd
				}
				forced(b, true, s, 1, x, y, 0, got, s.n)
				want := naiveGemm(transA, transB, s.m, s.n, s.k, 1, x, lda, y, ldb, 0, nil, 0)
				for i, w := range want {
					g := float64(got[i])
					if g != w && !(g != g && w != w) && !(math.Abs(g-w) <= 1e-6*math.Abs(w)) {
						t.Fatalf("%s with %g in %s: element %d,%d is %g, want %g", kind, odd, side, i/s.n, i%s.n, g, w)
					}
				}
			}
		}
	}
}

// TestAMXTinyNumbers: below 2^-126 AMX knows only zero. The error stays below the bound of amx.go.
func TestAMXTinyNumbers(t *testing.T) {
	with, _ := amxTables(t)
	b := backend(with, 1)
	r := rand.New(rand.NewPCG(23, 23))
	for _, scale := range [][2]float64{{1e-38, 1}, {1e-40, 1e10}, {1e-30, 1e-10}, {1e-35, 1e-3}} {
		s := gemmShape{kind: "nn", m: 64, n: 64, k: 100}
		x, y, got := make([]float32, s.m*s.k), make([]float32, s.n*s.k), make([]float32, s.m*s.n)
		for i := range x {
			x[i] = float32(r.NormFloat64() * scale[0])
		}
		for i := range y {
			y[i] = float32(r.NormFloat64() * scale[1])
		}
		forced(b, true, s, 1, x, y, 0, got, s.n)
		want := naiveGemm(false, false, s.m, s.n, s.k, 1, x, s.k, y, s.n, 0, nil, 0)
		size := naiveGemm(false, false, s.m, s.n, s.k, 1, magnitudes(x), s.k, magnitudes(y), s.n, 0, nil, 0)
		bound := float64(s.k) * 0x1p-124 * (1 + 5*scale[0] + 5*scale[1])
		for i, w := range want {
			if err := math.Abs(float64(got[i]) - w); err > bound+4e-7*size[i] {
				t.Fatalf("numbers of %g and %g: element %d is %g, want %g, bound %g", scale[0], scale[1], i, got[i], w, bound)
			}
		}
	}
}

// TestAMXPlaceDoesNotMatter: an element has the same bits wherever it lies in C and whatever lies beside it.
func TestAMXPlaceDoesNotMatter(t *testing.T) {
	with, _ := amxTables(t)
	const m, n, k = 200, 600, 300
	r := rand.New(rand.NewPCG(24, 24))
	x, y, z := random[float32](r, m*k), random[float32](r, n*k), random[float32](r, m*n)
	for _, coef := range [][2]float32{{1, 0}, {1, 1}, {-0.3, 0.7}} {
		whole := append([]float32(nil), z...)
		backend(with, 3).Gemm(false, true, m, n, k, coef[0], x, k, y, k, coef[1], whole, n)
		w := backend(with, 1).workers[0]
		for range 30 {
			i, j := r.IntN(m-1), r.IntN(n-1)
			rows, cols := 1+r.IntN(m-i), 1+r.IntN(n-j)
			part := append([]float32(nil), z...)
			w.gemm(true, false, true, rows, cols, k, coef[0], x[i*k:], k, y[j*k:], k, coef[1], part[i*n+j:], n)
			for a := range rows {
				wantEqual(t, fmt.Sprintf("%v: row %d of %dx%d from %d,%d", coef, a, rows, cols, i, j), part[(i+a)*n+j:][:cols], whole[(i+a)*n+j:][:cols])
			}
		}
	}
}

// TestGridHasRoom: whatever the number of threads, no block has more columns than workers have room for.
func TestGridHasRoom(t *testing.T) {
	kern := kernelsFor[float32]()
	for _, amx := range []bool{false, kern.amx != nil} {
		for m := 1; m < 3000; m = m*5/4 + 1 {
			for n := 1; n < 6000; n = n*5/4 + 1 {
				p := product[float32]{kern: &kern, amx: amx, m: m, n: n}
				_, nr, _, nc, _ := p.blocking()
				for threads := 1; threads <= 16; threads++ {
					_, cols := p.grid(threads)
					if wide := ceil(ceil(n, nr), cols) * nr; wide > nc {
						t.Fatalf("amx %v, %d x %d on %d threads: blocks of up to %d columns, want at most %d", amx, m, n, threads, wide, nc)
					}
				}
			}
		}
	}
}
