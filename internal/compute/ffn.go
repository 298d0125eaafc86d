package compute

// FFN is a SwiGLU feed-forward layer: y = (silu(x Wgᵀ) ⊙ x Wuᵀ) Wdᵀ. gateUp holds Wg above Wu, so that
// one product serves both. The backward pass computes the activation again rather than keep it.
func (t *Tape[T]) FFN(x, gateUp, down *Tensor[T]) *Tensor[T] {
	n, hidden, width := x.Rows, x.Cols, down.Cols
	gu := t.New(n, 2*width)
	t.linear(gu.Data, x.Data, gateUp.Data, n, 2*width, hidden)
	act := t.take(n * width)
	t.SwiGLU(act, gu.Data, width)
	y := t.New(n, hidden)
	t.linear(y.Data, act, down.Data, n, hidden, width)
	t.put(act)
	t.record("feed-forward", y, func() {
		dAct, act := t.take(n*width), t.take(n*width)
		t.Gemm(false, false, n, width, hidden, 1, y.grad, hidden, down.Data, width, 0, dAct, width)
		t.SwiGLUBackward(gu.Data, dAct, act, nil, nil, width)
		dDown, beta := t.gradient(down)
		t.Gemm(true, false, hidden, width, n, 1, y.grad, hidden, act, width, beta, dDown, width)
		t.put(dAct)
		t.put(act)
		t.linearBackward(x, gateUp, gu.Data)
		t.free(gu)
	})
	return y
}
