package compute

// Linear computes y = x Wᵀ for W of out x in. Backward: dx = dy W and dW = dyᵀ x.
func (t *Tape[T]) Linear(x, w *Tensor[T]) *Tensor[T] {
	y := t.New(x.Rows, w.Rows)
	t.linear(y.Data, x.Data, w.Data, x.Rows, w.Rows, w.Cols)
	t.record("linear", y, func() { t.linearBackward(x, w, y.grad) })
	return y
}

// linear is y = x Wᵀ for rows rows of x.
func (t *Tape[T]) linear(y, x, w []T, rows, out, in int) {
	t.Gemm(false, true, rows, out, in, 1, x, in, w, in, 0, y, out)
}

// linearBackward writes the gradients of x and w for y = x Wᵀ.
func (t *Tape[T]) linearBackward(x, w *Tensor[T], dy []T) {
	dx, beta := t.gradient(x)
	t.Gemm(false, false, x.Rows, w.Cols, w.Rows, 1, dy, w.Rows, w.Data, w.Cols, beta, dx, w.Cols)
	dw, beta := t.gradient(w)
	t.Gemm(true, false, w.Rows, w.Cols, x.Rows, 1, dy, w.Rows, x.Data, w.Cols, beta, dw, w.Cols)
}

// Mixed is a backend that may round the operands of products. What f asks for is not rounded.
type Mixed interface{ Exactly(f func()) }

func (t *Tape[T]) exactly(f func()) {
	if m, ok := t.Backend.(Mixed); ok {
		m.Exactly(f)
		return
	}
	f()
}
