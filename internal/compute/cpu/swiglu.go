package cpu

// SwiGLU computes act = silu(gate) up for rows [gate | up] of gu.
func (b *Backend[T]) SwiGLU(act, gu []T, width int) {
	b.chunks(len(act)/width, rowChunk, func(w *Worker[T], lo, hi int) {
		w.scratch = grow(w.scratch, width)
		for i := lo; i < hi; i++ {
			gate, up := gu[2*i*width:][:width], gu[(2*i+1)*width:][:width]
			out := act[i*width : (i+1)*width]
			w.expNeg(w.scratch, gate)
			w.kern.swiglu(out, gate, up, w.scratch)
		}
	})
}

// SwiGLUBackward overwrites gu with its gradient; see compute.Backend. With s = sigmoid(gate),
// d gate = d up s (1 + gate (1 - s)) and d up = d gate s.
func (b *Backend[T]) SwiGLUBackward(gu, dAct, act, scale, dScale []T, width int) {
	b.chunks(len(dAct)/width, rowChunk, func(w *Worker[T], lo, hi int) {
		w.scratch = grow(w.scratch, width)
		for i := lo; i < hi; i++ {
			gate, up := gu[2*i*width:][:width], gu[(2*i+1)*width:][:width]
			d := dAct[i*width : (i+1)*width]
			factor := T(1)
			if scale != nil {
				factor = scale[i]
			}
			w.expNeg(w.scratch, gate)
			dot := w.kern.swigluBackward(gate, up, d, act[i*width:(i+1)*width], w.scratch, factor)
			if dScale != nil {
				dScale[i] = dot
			}
		}
	})
}

// expNeg writes exp(-x) to dst. Where it overflows, 1/(1+exp(-x)) is zero, as it should be.
func (w *Worker[T]) expNeg(dst, x []T) {
	clear(dst)
	w.kern.axpy(-1, x, dst)
	w.kern.expSum(dst, dst, 0)
}
