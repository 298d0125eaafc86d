package cpu

import (
	"math"

	"muonclip/internal/compute"
)

// panelCols is the width of a panel: consecutive columns of B that lie together, row by row.
const panelCols = 32

// stripGo computes stripRows rows of a product; see kernels.
func stripGo[T compute.Float](k int, a []T, ai, ax int, b []T, ldb int, c []T, ldc, n int, accumulate bool) {
	for j := 0; j < n; j += 4 {
		for i := 0; i < 4; i += 2 {
			strip2x4(k, a[i*ai:], a[(i+1)*ai:], ax, b[j:], ldb, c[i*ldc+j:], c[(i+1)*ldc+j:], accumulate)
		}
	}
}

// strip2x4 keeps its eight sums in registers.
func strip2x4[T compute.Float](k int, a0, a1 []T, ax int, b []T, ldb int, c0, c1 []T, accumulate bool) {
	var s00, s01, s02, s03, s10, s11, s12, s13 T
	for x := range k {
		p, q, row := a0[x*ax], a1[x*ax], b[x*ldb:x*ldb+4]
		s00 += p * row[0]
		s01 += p * row[1]
		s02 += p * row[2]
		s03 += p * row[3]
		s10 += q * row[0]
		s11 += q * row[1]
		s12 += q * row[2]
		s13 += q * row[3]
	}
	for i, s := range [2][4]T{{s00, s01, s02, s03}, {s10, s11, s12, s13}} {
		row := c0[:4]
		if i == 1 {
			row = c1[:4]
		}
		for j, v := range s {
			if accumulate {
				v += row[j]
			}
			row[j] = v
		}
	}
}

func stripPanelsGo[T compute.Float](k int, a []T, lda int, b []T, c []T, ldc, count int) {
	for i := range count {
		stripGo(k, a, lda, 1, b[i*panelCols*k:], panelCols, c[i*panelCols:], ldc, panelCols, false)
	}
}

func softmaxGradGo[T compute.Float](s, dp []T, shift, d T) {
	dp = dp[:len(s)]
	for j, v := range s {
		p := T(math.Exp(float64(v - shift)))
		s[j], dp[j] = p, p*(dp[j]-d)
	}
}
