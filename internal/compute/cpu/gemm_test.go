package cpu

import (
	"math"
	"math/rand/v2"
	"testing"

	"muonclip/internal/compute"
)

func random[T compute.Float](r *rand.Rand, n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(r.NormFloat64())
	}
	return x
}

// naiveGemm is the definition, summed in float64.
func naiveGemm[T compute.Float](transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) []float64 {
	out := make([]float64, m*n)
	for i := range m {
		for j := range n {
			var sum float64
			for x := range k {
				ia, ib := i*lda+x, x*ldb+j
				if transA {
					ia = x*lda + i
				}
				if transB {
					ib = j*ldb + x
				}
				sum += float64(a[ia]) * float64(b[ib])
			}
			out[i*n+j] = float64(alpha) * sum
			if beta != 0 {
				out[i*n+j] += float64(beta) * float64(c[i*ldc+j])
			}
		}
	}
	return out
}

func testGemm[T compute.Float](t *testing.T, tolerance float64) {
	r := rand.New(rand.NewPCG(1, 2))
	sizes := [][3]int{{1, 1, 1}, {7, 33, 5}, {8, 32, 256}, {6, 16, 257}, {97, 65, 300}, {64, 520, 48}, {3, 2, 600}, {130, 40, 0}, {200, 31, 31}}
	for _, threads := range []int{1, 3} {
		b := New[T](threads)
		for _, s := range sizes {
			for variant := range 8 {
				transA, transB, pad := variant&1 > 0, variant&2 > 0, variant>>2*5
				m, n, k := s[0], s[1], s[2]
				rowsA, colsA, rowsB, colsB := m, k, k, n
				if transA {
					rowsA, colsA = k, m
				}
				if transB {
					rowsB, colsB = n, k
				}
				lda, ldb, ldc := colsA+pad, colsB+pad, n+pad
				a, bm, c := random[T](r, rowsA*lda+1), random[T](r, rowsB*ldb+1), random[T](r, m*ldc)
				for _, coef := range [][2]T{{1, 0}, {0.5, 1}, {-2, 0.25}} {
					want := naiveGemm(transA, transB, m, n, k, coef[0], a, lda, bm, ldb, coef[1], c, ldc)
					got := append([]T(nil), c...)
					b.Gemm(transA, transB, m, n, k, coef[0], a, lda, bm, ldb, coef[1], got, ldc)
					single := append([]T(nil), c...)
					b.workers[0].Gemm(transA, transB, m, n, k, coef[0], a, lda, bm, ldb, coef[1], single, ldc)
					for i := range m {
						for j := range ldc {
							g, s := got[i*ldc+j], single[i*ldc+j]
							if g != s {
								t.Fatalf("%v trans %v %v: c[%d,%d] is %g on %d threads and %g on one worker", s, transA, transB, i, j, g, threads, s)
							}
							if j >= n {
								if g != c[i*ldc+j] {
									t.Fatalf("wrote between the rows of c")
								}
								continue
							}
							if w := want[i*n+j]; math.Abs(float64(g)-w) > tolerance*math.Sqrt(float64(k)+1)*4 {
								t.Fatalf("size %v trans %v %v coef %v: c[%d,%d] = %g, want %g", s, transA, transB, coef, i, j, g, w)
							}
						}
					}
				}
			}
		}
	}
}

func TestGemm(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testGemm[float32](t, 3e-6) })
	t.Run("float64", func(t *testing.T) { testGemm[float64](t, 5e-15) })
}

func TestSyrkIsSymmetricHalfOfGemm(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{1, 9, 64, 130, 257} {
		k := n + 3
		x := random[float32](r, n*k)
		for _, threads := range []int{1, 2} {
			b := New[float32](threads)
			full, half, single := make([]float32, n*n), make([]float32, n*n), make([]float32, n*n)
			b.Gemm(false, true, n, n, k, 1, x, k, x, k, 0, full, n)
			b.Syrk(n, k, 1, x, k, 0, half, n)
			b.workers[0].Syrk(n, k, 1, x, k, 0, single, n)
			for i := range n {
				for j := range n {
					if half[i*n+j] != half[j*n+i] || half[i*n+j] != single[i*n+j] {
						t.Fatalf("n=%d: not symmetric or not the same on one worker at %d,%d", n, i, j)
					}
					if j <= i && half[i*n+j] != full[i*n+j] {
						t.Fatalf("n=%d: %g at %d,%d, gemm has %g", n, half[i*n+j], i, j, full[i*n+j])
					}
				}
			}
		}
	}
}

func TestSyrk(t *testing.T) {
	t.Run("float64", func(t *testing.T) { testSyrk[float64](t, 5e-15) })
	t.Run("float32", func(t *testing.T) { testSyrk[float32](t, 3e-6) })
}

// TestSquare checks alpha A A + beta A against the definition.
func TestSquare(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for _, n := range []int{1, 15, 16, 33, 130, 300} {
		ld := n + 2
		a := random[float32](r, n*ld)
		for i := range n {
			for j := range i {
				a[j*ld+i] = a[i*ld+j]
			}
		}
		want := naiveGemm(false, false, n, n, n, 0.7, a, ld, a, ld, -2, a, ld)
		one, many := make([]float32, n*ld), make([]float32, n*ld)
		New[float32](1).workers[0].Square(n, 0.7, a, -2, one, ld)
		New[float32](3).Square(n, 0.7, a, -2, many, ld)
		wantEqual(t, "square on threads", many, one)
		for i := range n {
			for j := range n {
				if got := float64(one[i*ld+j]); math.Abs(got-want[i*n+j]) > 3e-6*(2+float64(n))*4 || got != float64(one[j*ld+i]) {
					t.Fatalf("n %d: c[%d,%d] = %g, want %g", n, i, j, got, want[i*n+j])
				}
			}
		}
	}
}

// testSyrk adds to a symmetric matrix, with rows of both apart, and checks every element.
func testSyrk[T compute.Float](t *testing.T, tolerance float64) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{1, 2, 7, 33, 97, 130} {
		for _, k := range []int{0, 1, 40, 300} {
			ldx, ldc := k+2, n+3
			x, c := random[T](r, n*ldx), random[T](r, n*ldc)
			for i := range n {
				for j := range i {
					c[j*ldc+i] = c[i*ldc+j]
				}
			}
			for _, coef := range [][2]T{{1, 0}, {0.7, 1}, {-0.3, 2}, {0, 1}} {
				want := naiveGemm(false, true, n, n, k, coef[0], x, ldx, x, ldx, coef[1], c, ldc)
				for name, syrk := range map[string]func(c []T){
					"threads": func(c []T) { New[T](3).Syrk(n, k, coef[0], x, ldx, coef[1], c, ldc) },
					"worker":  func(c []T) { New[T](1).workers[0].Syrk(n, k, coef[0], x, ldx, coef[1], c, ldc) },
				} {
					got := append([]T(nil), c...)
					syrk(got)
					for i := range n {
						for j := range ldc {
							g := got[i*ldc+j]
							switch {
							case j >= n && g != c[i*ldc+j]:
								t.Fatalf("%s: wrote between the rows of c", name)
							case j < n && g != got[j*ldc+i]:
								t.Fatalf("%s: n %d k %d: not symmetric at %d,%d", name, n, k, i, j)
							case j < n && math.Abs(float64(g)-want[i*n+j]) > tolerance*(2+float64(k))*4:
								t.Fatalf("%s: n %d k %d coef %v: c[%d,%d] = %g, want %g", name, n, k, coef, i, j, g, want[i*n+j])
							}
						}
					}
				}
			}
		}
	}
}
