package cpu

// SwiGLU computes act = silu(gate) up for rows [gate | up] of gu.
func (b *Backend[T]) SwiGLU(act, gu []T, width int) {
	b.chunks(len(act)/width, rowChunk, func(w *Worker[T], lo, hi int) {
		for i := lo; i < hi; i++ {
			gate, up := gu[2*i*width:][:width], gu[(2*i+1)*width:][:width]
			w.kern.swiglu(act[i*width:(i+1)*width], gate, up)
		}
	})
}

// SwiGLUBackward overwrites gu with its gradient; see compute.Backend. With s = sigmoid(gate),
// d gate = d up s (1 + gate (1 - s)) and d up = d gate s.
func (b *Backend[T]) SwiGLUBackward(gu, dAct, act, scale, dScale []T, width int) {
	b.chunks(len(dAct)/width, rowChunk, func(w *Worker[T], lo, hi int) {
		for i := lo; i < hi; i++ {
			gate, up := gu[2*i*width:][:width], gu[(2*i+1)*width:][:width]
			d := dAct[i*width : (i+1)*width]
			factor := T(1)
			if scale != nil {
				factor = scale[i]
			}
			dot := w.kern.swigluGrad(gate, up, d, act[i*width:(i+1)*width], factor)
			if dScale != nil {
				dScale[i] = dot
			}
		}
	})
}
