package compute

// lossLogits is how many logits exist at a time: enough to keep the processor busy, far fewer than
// tokens x vocabulary.
const lossLogits = 1 << 20

// HeadLoss returns the cross-entropy of each row of softmax(x Wᵀ) against its target, in nats and
// valid until Reset. The logits are made and consumed a few rows at a time, and where the tape
// records, so are the gradients dx = dy W and dW = dyᵀ x of the sum of scale[i] times loss i. Rows
// with target -1 have no loss and no gradient.
func (t *Tape[T]) HeadLoss(x, w *Tensor[T], targets []int32, scale []T) []T {
	vocab, hidden := w.Rows, w.Cols
	losses := t.Buffer(x.Rows)
	step := min(x.Rows, max(64, lossLogits/vocab))
	logits := t.take(step * vocab)
	for lo := 0; lo < x.Rows; lo += step {
		hi := min(lo+step, x.Rows)
		rows := hi - lo
		part, in := logits[:rows*vocab], x.Data[lo*hidden:hi*hidden]
		t.linear(part, in, w.Data, rows, vocab, hidden)
		t.CrossEntropy(losses[lo:hi], part, targets[lo:hi], vocab, scale[lo:hi])
		if t.Grad {
			dx, _ := t.gradient(x)
			t.Gemm(false, false, rows, hidden, vocab, 1, part, vocab, w.Data, hidden, 0, dx[lo*hidden:], hidden)
			dw, beta := t.gradient(w)
			t.Gemm(true, false, vocab, hidden, rows, 1, part, vocab, in, hidden, beta, dw, hidden)
		}
	}
	t.put(logits)
	if t.Inspect != nil {
		t.Inspect("loss", t.Layer, false, losses)
	}
	return losses
}
