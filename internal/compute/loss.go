package compute

// lossLogits is how many logits exist at a time where the backend says nothing else: enough to keep a processor busy, far
// fewer than tokens x vocabulary.
const lossLogits = 1 << 20

// Wide is a backend that needs larger pieces of work than a processor.
type Wide interface{ LossLogits() int }

// Targets is what each row of states should predict, on the device.
type Targets struct {
	Rows  int // of the states, those without a target too
	Known int // rows that have one
	ids   []int32
	rows  []int32 // of the states that ids belong to, nil for all of them
}

// Targets brings the targets of rows to the device, until Reset; -1 says that a row has none. Its memory has the size for all
// rows, so that it serves the next step too, whose number of targets is another.
func (t *Tape[T]) Targets(targets []int32) Targets {
	t.rows, t.targets = t.rows[:0], t.targets[:0]
	for i, target := range targets {
		if target >= 0 {
			t.rows, t.targets = append(t.rows, int32(i)), append(t.targets, target)
		}
	}
	d := Targets{Rows: len(targets), Known: len(t.rows), ids: t.Ints(len(targets))[:len(t.rows)]}
	t.UploadInts(d.ids, t.targets)
	if d.Known < d.Rows {
		d.rows = t.Ints(len(targets))[:len(t.rows)]
		t.UploadInts(d.rows, t.rows)
	}
	return d
}

// HeadLoss returns the cross-entropy of each row of softmax(x Wᵀ) against its target, in nats and
// valid until Reset. The logits are made and consumed a few rows at a time, and where the tape
// records, so are the gradients dx = dy W and dW = dyᵀ x of the sum of scale[i] times loss i. Rows
// without a target have no loss and no gradient, and no logits either: of a dialogue, only what is
// learned goes through the head. scale and the losses are the device's.
func (t *Tape[T]) HeadLoss(x, w *Tensor[T], targets Targets, scale []T) []T {
	if targets.rows != nil {
		return t.someLosses(x, w, targets, scale)
	}
	losses := t.Buffer(x.Rows)
	var dx []T
	if t.Grad {
		dx, _ = t.gradient(x)
	}
	t.headLoss(losses, x.Data, dx, w, targets.ids, scale, x.Rows)
	return losses
}

// someLosses is HeadLoss for the rows that have a target. Its buffers have the size for all rows.
func (t *Tape[T]) someLosses(x, w *Tensor[T], targets Targets, scale []T) []T {
	n, hidden := targets.Known, x.Cols
	losses := t.Buffer(x.Rows)
	t.Zero(losses)
	var dx, dPart []T
	if t.Grad {
		dx, _ = t.gradient(x)
		t.Zero(dx)
		dPart = t.take(x.Rows * hidden)
	}
	part, partLosses, partScale := t.take(x.Rows*hidden), t.take(x.Rows), t.take(x.Rows)
	t.Gather(part, x.Data, targets.rows, hidden)
	t.Gather(partScale, scale, targets.rows, 1)
	t.headLoss(partLosses[:n], part, dPart, w, targets.ids, partScale, x.Rows)
	t.EmbedBackward(losses, partLosses, targets.rows, 1) // each row gets one, added to zero
	if t.Grad {
		t.EmbedBackward(dx, dPart, targets.rows, hidden)
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
		t.Inspect("loss", t.Layer, false, t.Host(losses))
	}
}
