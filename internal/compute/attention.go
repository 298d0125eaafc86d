package compute

// AttentionShape is what the attention of one layer does not learn; see AttentionArgs.
type AttentionShape[T Float] struct {
	Batch, Seq, Heads, Group int
	Nope, Rope, V            int
	RotateHalf               bool
	Scale                    T
	Cos, Sin                 []T
	DocStart                 []int32
	MaxLogit                 []T
}

func (s *AttentionShape[T]) args() AttentionArgs[T] {
	return AttentionArgs[T]{
		Batch: s.Batch, Seq: s.Seq, Heads: s.Heads, Group: s.Group, Nope: s.Nope, Rope: s.Rope, V: s.V,
		RotateHalf: s.RotateHalf, Scale: s.Scale, Cos: s.Cos, Sin: s.Sin, DocStart: s.DocStart, MaxLogit: s.MaxLogit,
	}
}

// LatentAttention is multi-head latent attention (DeepSeek-V2, section 2.1) after the projections:
// rows of q are [nope | rope] for each head, rows of kv are [k_nope | v] for each head, and the last
// Rope columns of kva are the rotary key that all heads share.
func (t *Tape[T]) LatentAttention(q, kv, kva *Tensor[T], s AttentionShape[T]) *Tensor[T] {
	a := s.args()
	a.Q = HeadCols[T]{Data: q.Data, Ld: q.Cols, Stride: s.Nope + s.Rope}
	a.KNope = HeadCols[T]{Data: kv.Data, Ld: kv.Cols, Stride: s.Nope + s.V}
	a.Value = HeadCols[T]{Data: kv.Data, Ld: kv.Cols, Stride: s.Nope + s.V, Off: s.Nope}
	a.KRope = HeadCols[T]{Data: kva.Data, Ld: kva.Cols, Off: kva.Cols - s.Rope}
	return t.attend(a, func(a *AttentionArgs[T]) {
		a.Q.Grad, _ = t.gradient(q)
		a.KNope.Grad, _ = t.gradient(kv)
		a.Value.Grad = kv.grad
		a.KRope.Grad = t.sum(kva)
	})
}

// GroupedAttention is grouped-query attention (Ainslie et al., arXiv 2305.13245) with RoPE over
// whole heads: Group query heads share a key and a value head.
func (t *Tape[T]) GroupedAttention(q, k, v *Tensor[T], s AttentionShape[T]) *Tensor[T] {
	a := s.args()
	a.Q = HeadCols[T]{Data: q.Data, Ld: q.Cols, Stride: s.Rope}
	a.KRope = HeadCols[T]{Data: k.Data, Ld: k.Cols, Stride: s.Rope}
	a.Value = HeadCols[T]{Data: v.Data, Ld: v.Cols, Stride: s.V}
	return t.attend(a, func(a *AttentionArgs[T]) {
		a.Q.Grad, _ = t.gradient(q)
		a.KRope.Grad = t.sum(k)
		a.Value.Grad, _ = t.gradient(v)
	})
}

// attend runs the kernel; gradients points a at the gradients of its inputs before the backward pass.
func (t *Tape[T]) attend(a AttentionArgs[T], gradients func(*AttentionArgs[T])) *Tensor[T] {
	n := a.Batch * a.Seq
	y := t.New(n, a.Heads*a.V)
	a.Out, a.LSE = y.Data, t.Buffer(n*a.Heads)
	t.Attention(&a)
	t.record("attention", y, func() {
		gradients(&a)
		a.DOut = y.grad
		a.KRopeParts = t.take(n * a.Heads * a.Rope)
		t.AttentionBackward(&a)
		t.put(a.KRopeParts)
	})
	return y
}
