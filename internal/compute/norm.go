package compute

// RMSNorm computes y = x/sqrt(mean(x²)+eps) w over the first len(w) columns of x. Backward, with
// x̂ = x rstd and g = dy w: dx = rstd (g - x̂ mean(g x̂)) and dw = sum over rows of dy x̂.
func (t *Tape[T]) RMSNorm(x, w *Tensor[T], eps T) *Tensor[T] {
	y := t.New(x.Rows, w.Cols)
	rstd := t.Buffer(x.Rows)
	t.Backend.RMSNorm(y.Data, rstd, x.Data, x.Cols, nil, w.Data, eps)
	t.record("norm", y, func() {
		t.RMSNormBackward(t.sum(x), x.Cols, t.sum(w), y.grad, x.Data, x.Cols, w.Data, rstd)
	})
	return y
}

// AddRMSNorm adds delta to the residual stream x and normalises the result: sum = x + delta and
// y = RMSNorm(sum). It takes over delta's memory for sum. The gradient of the sum is that of x and
// of delta alike, so one buffer of it runs down the whole residual stream.
func (t *Tape[T]) AddRMSNorm(x, delta, w *Tensor[T], eps T) (sum, y *Tensor[T]) {
	y = t.New(x.Rows, w.Cols)
	sum = t.wrap(delta.Data, x.Rows, x.Cols)
	delta.Data = nil
	rstd := t.Buffer(x.Rows)
	t.Backend.RMSNorm(y.Data, rstd, x.Data, x.Cols, sum.Data, w.Data, eps)
	t.record("norm", y, func() {
		t.RMSNormBackward(t.sum(sum), x.Cols, t.sum(w), y.grad, sum.Data, x.Cols, w.Data, rstd)
		x.grad, sum.grad = sum.grad, nil
		delta.grad, delta.shared = x.grad, true
		t.free(sum)
	})
	return sum, y
}
