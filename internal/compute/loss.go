package compute

// lossLogits is how many logits exist at a time where the backend says nothing else: enough to keep a processor busy, far
// fewer than tokens x vocabulary.
const lossLogits = 1 << 20

// Wide is a backend that needs larger pieces of work than a processor.
type Wide interface{ LossLogits() int }

// HeadLoss returns the cross-entropy of each row of softmax(x Wᵀ) against its target, in nats and
// valid until Reset. The logits are made and consumed a few rows at a time, and where the tape
// records, so are the gradients dx = dy W and dW = dyᵀ x of the sum of scale[i] times loss i. Rows
// with target -1 have no loss and no gradient, and no logits either: of a dialogue, only what is
// learned goes through the head. targets are the host's, scale and the losses are the device's.
func (t *Tape[T]) HeadLoss(x, w *Tensor[T], targets []int32, scale []T) []T {
	t.rows, t.targets = t.rows[:0], t.targets[:0]
	for i, target := range targets {
		if target >= 0 {
			t.rows, t.targets = append(t.rows, int32(i)), append(t.targets, target)
		}
	}
	on := t.Ints(x.Rows)[:len(t.rows)]
	t.UploadInts(on, t.targets)
	if len(t.rows) == x.Rows {
		losses := t.Buffer(x.Rows)
		var dx []T
		if t.Grad {
			dx, _ = t.gradient(x)
		}
		t.headLoss(losses, x.Data, dx, w, on, scale, x.Rows)
		return losses
	}
	return t.someLosses(x, w, on, scale)
}

// someLosses is HeadLoss for the rows that have a target. Its buffers have the size for all rows, so that they serve
// the next step too, whose number of targets is another.
func (t *Tape[T]) someLosses(x, w *Tensor[T], targets []int32, scale []T) []T {
	n, hidden := len(targets), x.Cols
	rows := t.Ints(x.Rows)[:n]
	t.UploadInts(rows, t.rows)
	losses := t.Buffer(x.Rows)
	t.Zero(losses)
	var dx, dPart []T
	if t.Grad {
		dx, _ = t.gradient(x)
		t.Zero(dx)
		dPart = t.take(x.Rows * hidden)
	}
	part, partLosses, partScale := t.take(x.Rows*hidden), t.take(x.Rows), t.take(x.Rows)
	t.Gather(part, x.Data, rows, hidden)
	t.Gather(partScale, scale, rows, 1)
	t.headLoss(partLosses[:n], part, dPart, w, targets, partScale, x.Rows)
	t.EmbedBackward(losses, partLosses, rows, 1) // each row gets one, added to zero
	if t.Grad {
		t.EmbedBackward(dx, dPart, rows, hidden)
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
	step := min(most, max(64, t.lossLogits/vocab))
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
		t.Sync()
		t.Inspect("loss", t.Layer, false, losses)
	}
}
