//go:build !noasm

package cpu

//go:noescape
func strip8x48AVX512(k int, a *float32, ai, ax int, b *float32, ldb, bstep int, c *float32, ldc, groups int, accumulate bool)

//go:noescape
func strip8x32AVX512(k int, a *float32, ai, ax int, b *float32, ldb, bstep int, c *float32, ldc, groups int, accumulate bool)

//go:noescape
func strip8x16AVX512(k int, a *float32, ai, ax int, b *float32, ldb, bstep int, c *float32, ldc, groups int, accumulate bool)

//go:noescape
func strip6x16AVX2(k int, a *float32, ai, ax int, b *float32, ldb, bstep int, c *float32, ldc, groups int, accumulate bool)

//go:noescape
func strip6x8AVX2(k int, a *float32, ai, ax int, b *float32, ldb, bstep int, c *float32, ldc, groups int, accumulate bool)

//go:noescape
func softmaxGrad16AVX512(s, dp *float32, n int, shift, d float32)

//go:noescape
func softmaxGrad8AVX2(s, dp *float32, n int, shift, d float32)

//go:noescape
func max32AVX512(x *float32, n int) float32

// avx512Strips and avx2Strips add to a table the kernels of attention, feed-forward layers and rows.
func avx512Strips(k kernels[float32]) kernels[float32] {
	k.stripRows, k.lanes = 8, 16
	k.strip, k.stripPanels, k.softmaxGrad, k.max, k.scale = stripAVX512, stripPanelsAVX512, softmaxGradAVX512, maxAVX512, scaleAVX
	k.copyScaled, k.swiglu, k.swigluGrad = copyScaledAVX, swigluAVX512, swigluGradAVX512
	return rowsAVX(k)
}

func avx2Strips(k kernels[float32]) kernels[float32] {
	k.stripRows, k.lanes = 6, 8
	k.strip, k.stripPanels, k.softmaxGrad, k.scale = stripAVX2, stripPanelsAVX2, softmaxGradAVX2, scaleAVX
	k.copyScaled, k.swiglu, k.swigluGrad = copyScaledAVX, swigluAVX2, swigluGradAVX2
	return rowsAVX(k)
}

func rowsAVX(k kernels[float32]) kernels[float32] {
	k.dot3, k.normalize, k.normGrad = dot3AVX, normalizeAVX, normGradAVX
	return k
}

// stripAVX512 takes columns in groups of 48, and what is left in one or two of 32 or one of 16.
func stripAVX512(k int, a []float32, ai, ax int, b []float32, ldb int, c []float32, ldc, n int, accumulate bool) {
	checkStrip(8, k, a, ai, ax, b, ldb, c, ldc, n)
	threes, rest := n/48, n%48
	if rest == 16 && threes > 0 {
		threes, rest = threes-1, 64
	}
	j := 0
	if threes > 0 {
		strip8x48AVX512(k, &a[0], ai, ax, &b[0], ldb, 48, &c[0], ldc, threes, accumulate)
		j = 48 * threes
	}
	switch {
	case rest >= 32:
		strip8x32AVX512(k, &a[0], ai, ax, &b[j], ldb, 32, &c[j], ldc, rest/32, accumulate)
	case rest == 16:
		strip8x16AVX512(k, &a[0], ai, ax, &b[j], ldb, 16, &c[j], ldc, 1, accumulate)
	}
}

func stripPanelsAVX512(k int, a []float32, lda int, b []float32, c []float32, ldc, count int) {
	checkStripPanels(8, k, a, lda, b, c, ldc, count)
	strip8x32AVX512(k, &a[0], lda, 1, &b[0], panelCols, panelCols*k, &c[0], ldc, count, false)
}

func stripAVX2(k int, a []float32, ai, ax int, b []float32, ldb int, c []float32, ldc, n int, accumulate bool) {
	checkStrip(6, k, a, ai, ax, b, ldb, c, ldc, n)
	j := n &^ 15
	if j > 0 {
		strip6x16AVX2(k, &a[0], ai, ax, &b[0], ldb, 16, &c[0], ldc, j/16, accumulate)
	}
	if j < n {
		strip6x8AVX2(k, &a[0], ai, ax, &b[j], ldb, 8, &c[j], ldc, 1, accumulate)
	}
}

func stripPanelsAVX2(k int, a []float32, lda int, b []float32, c []float32, ldc, count int) {
	checkStripPanels(6, k, a, lda, b, c, ldc, count)
	for i := range count {
		strip6x16AVX2(k, &a[0], lda, 1, &b[i*panelCols*k], panelCols, 16, &c[i*panelCols], ldc, 2, false)
	}
}

// checkStrip panics where the assembly would leave the slices.
func checkStrip(rows, k int, a []float32, ai, ax int, b []float32, ldb int, c []float32, ldc, n int) {
	_, _, _ = a[(rows-1)*ai+(k-1)*ax], b[(k-1)*ldb+n-1], c[(rows-1)*ldc+n-1]
}

func checkStripPanels(rows, k int, a []float32, lda int, b, c []float32, ldc, count int) {
	_, _, _ = a[(rows-1)*lda+k-1], b[count*panelCols*k-1], c[(rows-1)*ldc+count*panelCols-1]
}

func softmaxGradAVX512(s, dp []float32, shift, d float32) {
	n := len(s) &^ 15
	if n > 0 {
		_ = dp[n-1]
		softmaxGrad16AVX512(&s[0], &dp[0], n, shift, d)
	}
	softmaxGradTail(s[n:], dp[n:], shift, d)
}

func softmaxGradAVX2(s, dp []float32, shift, d float32) {
	n := len(s) &^ 7
	if n > 0 {
		_ = dp[n-1]
		softmaxGrad8AVX2(&s[0], &dp[0], n, shift, d)
	}
	softmaxGradTail(s[n:], dp[n:], shift, d)
}

// softmaxGradTail does fewer than 16 elements.
func softmaxGradTail(s, dp []float32, shift, d float32) {
	expTail(s, s, shift)
	for j, p := range s {
		dp[j] = p * (dp[j] - d)
	}
}

func maxAVX512(x []float32) float32 {
	n := len(x) &^ 31
	m := maxAVX(x[n:])
	if n > 0 {
		if v := max32AVX512(&x[0], n); v > m || v != v {
			m = v
		}
	}
	return m
}
