package cpu

import "muonclip/internal/compute"

// Attention computes o = softmax(scale q k^T) v for every head, each query looking at the positions
// from its document's start up to its own.
func (b *Backend[T]) Attention(a *compute.AttentionArgs[T]) {
	groups := a.Heads / a.Group
	b.packed = grow(b.packed, a.Batch*a.Heads)
	peaks := b.packed
	b.For(a.Batch*groups, func(w *Worker[T], i int) {
		h := newHeads(w, a, i/groups, i%groups, false)
		h.loadKV()
		for head := h.group * a.Group; head < (h.group+1)*a.Group; head++ {
			peaks[h.batch*a.Heads+head] = h.forward(head)
		}
	})
	for i, s := range peaks {
		if head := i % a.Heads; s > a.MaxLogit[head] || s != s {
			a.MaxLogit[head] = s
		}
	}
}

// AttentionBackward recomputes the probabilities from LSE. With p = softmax(s), dp = do v^T and
// D = rowsum(do o): ds = p (dp - D), dq = scale ds k, dk = scale ds^T q, dv = p^T do.
func (b *Backend[T]) AttentionBackward(a *compute.AttentionArgs[T]) {
	groups := a.Heads / a.Group
	b.For(a.Batch*groups, func(w *Worker[T], i int) {
		h := newHeads(w, a, i/groups, i%groups, true)
		h.loadKV()
		clear(h.dk)
		clear(h.dv)
		for head := h.group * a.Group; head < (h.group+1)*a.Group; head++ {
			h.backward(head)
		}
		h.storeKV()
	})
	if a.KRope.Stride == 0 && a.Heads > 1 {
		b.sumRope(a)
	}
}

// sumRope adds the heads' shares of the shared rotary key's gradient, head by head.
func (b *Backend[T]) sumRope(a *compute.AttentionArgs[T]) {
	b.chunks(a.Batch*a.Seq, rowChunk, func(_ *Worker[T], lo, hi int) {
		for row := lo; row < hi; row++ {
			batch, t := row/a.Seq, row%a.Seq
			dst := a.KRope.Grad[row*a.KRope.Ld+a.KRope.Off:][:a.Rope]
			for head := range a.Heads {
				src := a.KRopeParts[((batch*a.Heads+head)*a.Seq+t)*a.Rope:][:a.Rope]
				for j, v := range src {
					dst[j] += v
				}
			}
		}
	})
}

// SoftmaxPart writes exp(x - max) over the first seen elements of x, the largest of which is max, and
// zero over the others. It returns max and the sum. NaN goes through.
func (w *Worker[T]) SoftmaxPart(x []T, seen int) (peak, sum T) {
	peak = w.kern.max(x[:seen])
	sum = w.kern.expSum(x[:seen], x[:seen], peak)
	clear(x[seen:])
	return peak, sum
}
