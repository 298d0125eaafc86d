package compute

// lossLogits is how many logits exist at a time: enough to keep the processor busy, far fewer than
// tokens x vocabulary.
const lossLogits = 1 << 20

// HeadLoss returns the cross-entropy of each row of softmax(x Wᵀ) against its target, in nats and
// valid until Reset. The logits are made and consumed a few rows at a time, and where the tape
// records, so are the gradients dx = dy W and dW = dyᵀ x of the sum of scale[i] times loss i. Rows
// with target -1 have no loss and no gradient, and no logits either: of a dialogue, only what is
// learned goes through the head.
func (t *Tape[T]) HeadLoss(x, w *Tensor[T], targets []int32, scale []T) []T {
	rows := t.Ints(x.Rows)[:0]
	for i, target := range targets {
		if target >= 0 {
			rows = append(rows, int32(i))
		}
	}
	if len(rows) == x.Rows {
		losses := t.Buffer(x.Rows)
		var dx []T
		if t.Grad {
			dx, _ = t.gradient(x)
		}
		t.headLoss(losses, x.Data, dx, w, targets, scale, x.Rows)
		return losses
	}
	return t.someLosses(x, w, targets, scale, rows)
}

// someLosses is HeadLoss for the rows that have a target. Its buffers have the size for all rows, so that they serve
// the next step too, whose number of targets is another.
func (t *Tape[T]) someLosses(x, w *Tensor[T], targets []int32, scale []T, rows []int32) []T {
	n, hidden := len(rows), x.Cols
	losses := t.Buffer(x.Rows)
	clear(losses)
	var dx, dPart []T
	if t.Grad {
		dx, _ = t.gradient(x)
		t.Zero(dx)
		dPart = t.take(x.Rows * hidden)
	}
	part, partLosses, partScale := t.take(x.Rows*hidden), t.take(x.Rows), t.take(x.Rows)
	partTargets := t.Ints(x.Rows)
	t.Gather(part, x.Data, rows, hidden)
	for i, row := range rows {
		partTargets[i], partScale[i] = targets[row], scale[row]
	}
	t.headLoss(partLosses[:n], part, dPart, w, partTargets, partScale, x.Rows)
	for i, row := range rows {
		losses[row] = partLosses[i]
		if t.Grad {
			copy(dx[int(row)*hidden:(int(row)+1)*hidden], dPart[i*hidden:(i+1)*hidden])
		}
	}
	if t.Grad {
		t.put(dPart)
	}
	t.put(part)
	t.put(partLosses)
	t.put(partScale)
	return losses
}

// headLoss computes the losses of rows that all have a target and, where dx is not nil, the gradients. There are
// never more than most rows.
func (t *Tape[T]) headLoss(losses, x, dx []T, w *Tensor[T], targets []int32, scale []T, most int) {
	n, vocab, hidden := len(losses), w.Rows, w.Cols
	step := min(most, max(64, lossLogits/vocab))
	logits := t.take(step * vocab)
	for lo := 0; lo < n; lo += step {
		hi := min(lo+step, n)
		rows := hi - lo
		part, in := logits[:rows*vocab], x[lo*hidden:hi*hidden]
		t.linear(part, in, w.Data, rows, vocab, hidden)
		t.CrossEntropy(losses[lo:hi], part, targets[lo:hi], vocab, scale[lo:hi])
		if dx != nil {
			t.Gemm(false, false, rows, hidden, vocab, 1, part, vocab, w.Data, hidden, 0, dx[lo*hidden:], hidden)
			dw, beta := t.gradient(w)
			t.Gemm(true, false, vocab, hidden, rows, 1, part, vocab, in, hidden, beta, dw, hidden)
		}
	}
	t.put(logits)
	if t.Inspect != nil {
		t.Inspect("loss", t.Layer, false, losses)
	}
}
