package compute

// HeadNorm is RMSNorm of every head by itself: rows of x are heads of len(w) elements one after another, and all
// heads share the weight w.
func (t *Tape[T]) HeadNorm(x, w *Tensor[T], eps T) *Tensor[T] {
	y := t.New(x.Rows, x.Cols)
	rstd := t.Buffer(x.Rows * x.Cols / w.Cols)
	t.Backend.RMSNorm(y.Data, rstd, x.Data, w.Cols, nil, w.Data, eps)
	t.record("norm", y, func() {
		t.RMSNormBackward(t.sum(x), w.Cols, t.sum(w), y.grad, x.Data, w.Cols, w.Data, rstd)
	})
	return y
}

// LatentKeys writes out the keys of latent attention, [k_nope | k_rope] for each head: k_nope from kv and the rotary
// key, which all heads share, from kva, both as LatentAttention takes them.
func (t *Tape[T]) LatentKeys(kv, kva *Tensor[T], s AttentionShape[T]) *Tensor[T] {
	width := s.Nope + s.Rope
	k := t.New(kv.Rows, s.Heads*width)
	nope := func(x []T) HeadCols[T] { return HeadCols[T]{Data: x, Ld: k.Cols, Stride: width} }
	rope := func(x []T) HeadCols[T] { return HeadCols[T]{Data: x, Ld: k.Cols, Stride: width, Off: s.Nope} }
	own := func(x []T) HeadCols[T] { return HeadCols[T]{Data: x, Ld: kv.Cols, Stride: s.Nope + s.V} }
	shared := func(x []T) HeadCols[T] { return HeadCols[T]{Data: x, Ld: kva.Cols, Off: kva.Cols - s.Rope} }
	t.Zero(k.Data)
	t.AddHeads(nope(k.Data), own(kv.Data), k.Rows, s.Heads, s.Nope)
	t.AddHeads(rope(k.Data), shared(kva.Data), k.Rows, s.Heads, s.Rope)
	t.record("keys", k, func() {
		t.AddHeads(own(t.sum(kv)), nope(k.grad), k.Rows, s.Heads, s.Nope)
		t.AddHeads(shared(t.sum(kva)), rope(k.grad), k.Rows, s.Heads, s.Rope)
	})
	return k
}

// KeyedAttention is LatentAttention with the keys written out, as LatentKeys does: no part of a key is shared, so each
// may have been changed for each head. The values come from kv.
func (t *Tape[T]) KeyedAttention(q, k, kv *Tensor[T], s AttentionShape[T]) *Tensor[T] {
	a := s.args()
	width := s.Nope + s.Rope
	a.Q = HeadCols[T]{Data: q.Data, Ld: q.Cols, Stride: width}
	a.KNope = HeadCols[T]{Data: k.Data, Ld: k.Cols, Stride: width}
	a.KRope = HeadCols[T]{Data: k.Data, Ld: k.Cols, Stride: width, Off: s.Nope}
	a.Value = HeadCols[T]{Data: kv.Data, Ld: kv.Cols, Stride: s.Nope + s.V, Off: s.Nope}
	return t.attend(a, func(a *AttentionArgs[T]) {
		a.Q.Grad, _ = t.gradient(q)
		a.KNope.Grad = t.sum(k) // the backward pass overwrites what is KNope and adds to what is KRope
		a.KRope.Grad = k.grad
		a.Value.Grad = t.sum(kv) // its key columns are not written
	})
}
