//go:build !noasm

package cpu

//go:noescape
func swiglu16AVX512(out, gate, up *float32, n int)

//go:noescape
func swigluGrad16AVX512(gate, up, dAct, act *float32, n int, factor float32) float32

//go:noescape
func swiglu8AVX2(out, gate, up *float32, n int)

//go:noescape
func swigluGrad8AVX2(gate, up, dAct, act *float32, n int, factor float32) float32

func swigluAVX512(out, gate, up []float32) {
	n := len(out) &^ 15
	if n > 0 {
		_, _ = gate[n-1], up[n-1]
		swiglu16AVX512(&out[0], &gate[0], &up[0], n)
	}
	swigluAVX2(out[n:], gate[n:], up[n:])
}

func swigluAVX2(out, gate, up []float32) {
	n := len(out) &^ 7
	if n > 0 {
		_, _ = gate[n-1], up[n-1]
		swiglu8AVX2(&out[0], &gate[0], &up[0], n)
	}
	swigluGo(out[n:], gate[n:], up[n:])
}

func swigluGradAVX512(gate, up, dAct, act []float32, factor float32) float32 {
	n := len(act) &^ 15
	dot := swigluGradAVX2(gate[n:], up[n:], dAct[n:], act[n:], factor)
	if n > 0 {
		_, _, _ = gate[n-1], up[n-1], dAct[n-1]
		dot += swigluGrad16AVX512(&gate[0], &up[0], &dAct[0], &act[0], n, factor)
	}
	return dot
}

func swigluGradAVX2(gate, up, dAct, act []float32, factor float32) float32 {
	n := len(act) &^ 7
	dot := swigluGradGo(gate[n:], up[n:], dAct[n:], act[n:], factor)
	if n > 0 {
		_, _, _ = gate[n-1], up[n-1], dAct[n-1]
		dot += swigluGrad8AVX2(&gate[0], &up[0], &dAct[0], &act[0], n, factor)
	}
	return dot
}
