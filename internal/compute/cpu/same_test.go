package cpu

import (
	"math/rand/v2"
	"testing"
)

// TestAssemblyAgrees: with alpha a power of two, Gemm has the same bits with AVX2 and AVX-512. Their
// tiles differ in size but not in the order of sums. With another alpha and more than one block of the
// depth (or beta not zero), elements in the tiles that stick out of C round the product with alpha
// by itself, those in full tiles together with the addition.
func TestAssemblyAgrees(t *testing.T) {
	tables := assemblyTables()
	if len(tables) < 2 {
		t.Skip("this processor has no two sets of assembly kernels")
	}
	r := rand.New(rand.NewPCG(8, 8))
	wide, narrow := backend(tables[0], 2), backend(tables[1], 1)
	for _, s := range [][3]int{{1, 1, 1}, {6, 16, 9}, {8, 32, 256}, {13, 37, 257}, {97, 65, 600}, {200, 530, 100}} {
		m, n, k := s[0], s[1], s[2]
		for variant := range 4 {
			transA, transB := variant&1 > 0, variant&2 > 0
			lda, ldb := k, n
			if transA {
				lda = m
			}
			if transB {
				ldb = k
			}
			a, b, c := random[float32](r, m*k), random[float32](r, k*n), random[float32](r, m*n)
			for _, coef := range [][2]float32{{1, 0}, {1, 1}, {0.25, 0.3}, {-2, 0}} {
				x, y := append([]float32(nil), c...), append([]float32(nil), c...)
				wide.Gemm(transA, transB, m, n, k, coef[0], a, lda, b, ldb, coef[1], x, n)
				narrow.Gemm(transA, transB, m, n, k, coef[0], a, lda, b, ldb, coef[1], y, n)
				wantEqual(t, "gemm", x, y)
			}
		}
		x, y := random[float32](r, m*m), make([]float32, m*m)
		p := random[float32](r, m*k)
		wide.Syrk(m, k, 1, p, k, 0, x, m)
		narrow.Syrk(m, k, 1, p, k, 0, y, m)
		wantEqual(t, "syrk", x, y)
	}
}

// TestGemmManyBlocks: C and the depth are cut into several blocks each, with the same bits as in parts.
func TestGemmManyBlocks(t *testing.T) {
	const m, n, k = 2*mcBlock + 5, 2*ncBlock + 40, 2*kcBlock + 7
	r := rand.New(rand.NewPCG(9, 9))
	a, b := random[float32](r, m*k), random[float32](r, n*k)
	be := New[float32](2)
	got, single, parts := make([]float32, m*n), make([]float32, m*n), make([]float32, m*n)
	be.Gemm(false, true, m, n, k, 1, a, k, b, k, 0, got, n)
	be.workers[1].Gemm(false, true, m, n, k, 1, a, k, b, k, 0, single, n)
	for i := 0; i < m; i += 100 {
		for j := 0; j < n; j += 100 {
			be.Gemm(false, true, min(100, m-i), min(100, n-j), k, 1, a[i*k:], k, b[j*k:], k, 0, parts[i*n+j:], n)
		}
	}
	wantEqual(t, "gemm on all threads", got, parts)
	wantEqual(t, "gemm on one worker", single, parts)
}
