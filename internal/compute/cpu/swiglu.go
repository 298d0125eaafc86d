package cpu

// SwiGLU computes act = silu(gate) up for rows [gate | up] of gu.
func (b *Backend[T]) SwiGLU(act, gu []T, width int) {
	b.chunks(len(act)/width, rowChunk, func(w *Worker[T], lo, hi int) {
		w.scratch = grow(w.scratch, width)
		for i := lo; i < hi; i++ {
			gate, up := gu[2*i*width:][:width], gu[(2*i+1)*width:][:width]
			out := act[i*width : (i+1)*width]
			w.expNeg(w.scratch, gate)
			for j, e := range w.scratch {
				out[j] = gate[j] / (1 + e) * up[j]
			}
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
			var dot T
			for j, e := range w.scratch {
				s := 1 / (1 + e)
				g, u, dj := gate[j], up[j], d[j]
				silu := g * s
				dot += dj * silu * u
				if act != nil {
					act[i*width+j] = factor * silu * u
				}
				dj *= factor
				gate[j] = dj * u * s * (1 + g*(1-s))
				up[j] = dj * silu
			}
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
