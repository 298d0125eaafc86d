package cpu

import (
	"math"

	"muonclip/internal/compute"
)

// queryBlock is how many queries are scored at a time. A block of scores is queryBlock x Seq, so
// the softmax of a row is exact and the full Seq x Seq matrix never exists.
const queryBlock = 64

// Attention computes o = softmax(scale q k^T) v for every head, each query looking at the positions
// from its document's start up to its own.
func (b *Backend[T]) Attention(a *compute.AttentionArgs[T]) {
	groups := a.Heads / a.Group
	b.packed = grow(b.packed, a.Batch*a.Heads)
	peaks := b.packed
	b.For(a.Batch*groups, func(w *Worker[T], i int) {
		h := newHeads(w, a, i/groups, i%groups)
		h.loadKV()
		for head := h.group * a.Group; head < (h.group+1)*a.Group; head++ {
			h.loadQ(head)
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
		h := newHeads(w, a, i/groups, i%groups)
		h.loadKV()
		clear(h.dk)
		clear(h.dv)
		for head := h.group * a.Group; head < (h.group+1)*a.Group; head++ {
			h.loadQ(head)
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

// heads is the work on one key-value head of one sequence and the query heads that share it.
type heads[T compute.Float] struct {
	*compute.AttentionArgs[T]
	w            *Worker[T]
	batch, group int
	dim          int // Nope + Rope
	q, k, v      []T // Seq x dim, Seq x dim, Seq x V; q is scaled, q and k are rotated
	dq, dk, dv   []T
	do           []T // Seq x V
	s, dp        []T // queryBlock x Seq
}

func newHeads[T compute.Float](w *Worker[T], a *compute.AttentionArgs[T], batch, group int) heads[T] {
	h := heads[T]{AttentionArgs: a, w: w, batch: batch, group: group, dim: a.Nope + a.Rope}
	qk, v, s := a.Seq*h.dim, a.Seq*a.V, queryBlock*a.Seq
	w.scratch = grow(w.scratch, 4*qk+3*v+2*s)
	rest := w.scratch
	take := func(n int) []T {
		part := rest[:n:n]
		rest = rest[n:]
		return part
	}
	h.q, h.k, h.dq, h.dk = take(qk), take(qk), take(qk), take(qk)
	h.v, h.dv, h.do = take(v), take(v), take(v)
	h.s, h.dp = take(s), take(s)
	return h
}

// row is where head's columns begin in row t of the current sequence.
func (h *heads[T]) row(c *compute.HeadCols[T], head, t int) int {
	return (h.batch*h.Seq+t)*c.Ld + c.Off + head*c.Stride
}

func (h *heads[T]) loadKV() {
	for t := range h.Seq {
		dst := h.k[t*h.dim : (t+1)*h.dim]
		if h.Nope > 0 {
			copy(dst[:h.Nope], h.KNope.Data[h.row(&h.KNope, h.group, t):])
		}
		copy(dst[h.Nope:], h.KRope.Data[h.row(&h.KRope, h.group, t):])
		h.rotate(dst[h.Nope:], t, 1)
		copy(h.v[t*h.V:(t+1)*h.V], h.Value.Data[h.row(&h.Value, h.group, t):])
	}
}

func (h *heads[T]) loadQ(head int) {
	for t := range h.Seq {
		dst := h.q[t*h.dim : (t+1)*h.dim]
		copy(dst, h.Q.Data[h.row(&h.Q, head, t):])
		h.rotate(dst[h.Nope:], t, 1)
		for j := range dst {
			dst[j] *= h.Scale
		}
	}
}

// rotate turns the pairs of x by the angles of position t, backwards where sign is -1. Pairs are
// neighbours, or an element of the first half with one of the second where RotateHalf is set.
func (h *heads[T]) rotate(x []T, t int, sign T) {
	half := h.Rope / 2
	cos, sin := h.Cos[t*half:(t+1)*half], h.Sin[t*half:(t+1)*half]
	for i := range half {
		p, q := 2*i, 2*i+1
		if h.RotateHalf {
			p, q = i, i+half
		}
		c, s := cos[i], sign*sin[i]
		x[p], x[q] = x[p]*c-x[q]*s, x[p]*s+x[q]*c
	}
}

// start is the first position that query t attends to.
func (h *heads[T]) start(t int) int {
	if h.DocStart == nil {
		return 0
	}
	return int(h.DocStart[h.batch*h.Seq+t])
}

// scores computes the softmax inputs of queries [lo, hi) against the keys from first on.
func (h *heads[T]) scores(lo, hi, first int) int {
	keys := hi - first
	h.w.Gemm(false, true, hi-lo, keys, h.dim, 1, h.q[lo*h.dim:], h.dim, h.k[first*h.dim:], h.dim, 0, h.s, keys)
	return keys
}

// forward computes one head's output and returns its largest softmax input.
func (h *heads[T]) forward(head int) T {
	peak := T(math.Inf(-1))
	lse := h.LSE[(h.batch*h.Heads+head)*h.Seq:][:h.Seq]
	ldo := h.Heads * h.V
	for lo := 0; lo < h.Seq; lo += queryBlock {
		hi := min(lo+queryBlock, h.Seq)
		first := h.start(lo)
		keys := h.scores(lo, hi, first)
		for t := lo; t < hi; t++ {
			row := h.s[(t-lo)*keys : (t-lo+1)*keys]
			from, to := h.start(t)-first, t+1-first
			seen := row[from:to]
			m := h.w.kern.max(seen)
			if m > peak || m != m {
				peak = m
			}
			sum := h.w.kern.expSum(seen, seen, m)
			clear(row[:from])
			clear(row[to:])
			lse[t] = m + T(math.Log(float64(sum)))
			inv := 1 / sum
			for j := range seen {
				seen[j] *= inv
			}
		}
		out := h.Out[(h.batch*h.Seq+lo)*ldo+head*h.V:]
		h.w.Gemm(false, false, hi-lo, h.V, keys, 1, h.s, keys, h.v[first*h.V:], h.V, 0, out, ldo)
	}
	return peak
}

// SoftmaxPart writes exp(x - max) over the first seen elements of x, the largest of which is max, and
// zero over the others. It returns max and the sum. NaN goes through.
func (w *Worker[T]) SoftmaxPart(x []T, seen int) (peak, sum T) {
	peak = w.kern.max(x[:seen])
	sum = w.kern.expSum(x[:seen], x[:seen], peak)
	clear(x[seen:])
	return peak, sum
}

// backward computes one head's query gradient and adds to those of its keys and values.
func (h *heads[T]) backward(head int) {
	lse := h.LSE[(h.batch*h.Heads+head)*h.Seq:][:h.Seq]
	ldo := h.Heads * h.V
	for t := range h.Seq {
		copy(h.do[t*h.V:(t+1)*h.V], h.DOut[(h.batch*h.Seq+t)*ldo+head*h.V:])
	}
	for lo := 0; lo < h.Seq; lo += queryBlock {
		hi := min(lo+queryBlock, h.Seq)
		rows, first := hi-lo, h.start(lo)
		keys := h.scores(lo, hi, first)
		h.w.Gemm(false, true, rows, keys, h.V, 1, h.do[lo*h.V:], h.V, h.v[first*h.V:], h.V, 0, h.dp, keys)
		for t := lo; t < hi; t++ {
			p, dp := h.s[(t-lo)*keys:(t-lo+1)*keys], h.dp[(t-lo)*keys:(t-lo+1)*keys]
			from, to := h.start(t)-first, t+1-first
			h.w.kern.expSum(p[from:to], p[from:to], lse[t])
			clear(p[:from])
			clear(p[to:])
			out := h.Out[(h.batch*h.Seq+t)*ldo+head*h.V:][:h.V]
			d := h.w.kern.dot(h.do[t*h.V:(t+1)*h.V], out)
			for j, v := range p {
				dp[j] = v * (dp[j] - d)
			}
		}
		h.w.Gemm(true, false, keys, h.V, rows, 1, h.s, keys, h.do[lo*h.V:], h.V, 1, h.dv[first*h.V:], h.V)
		h.w.Gemm(false, false, rows, h.dim, keys, h.Scale, h.dp, keys, h.k[first*h.dim:], h.dim, 0, h.dq[lo*h.dim:], h.dim)
		h.w.Gemm(true, false, keys, h.dim, rows, 1, h.dp, keys, h.q[lo*h.dim:], h.dim, 1, h.dk[first*h.dim:], h.dim)
	}
	for t := range h.Seq {
		d := h.dq[t*h.dim : (t+1)*h.dim]
		h.rotate(d[h.Nope:], t, -1)
		copy(h.Q.Grad[h.row(&h.Q, head, t):], d)
	}
}

// storeKV hands out the gradients of the key and value heads.
func (h *heads[T]) storeKV() {
	shared := h.KRope.Stride == 0 && h.Heads > 1
	for t := range h.Seq {
		d := h.dk[t*h.dim : (t+1)*h.dim]
		h.rotate(d[h.Nope:], t, -1)
		if h.Nope > 0 {
			copy(h.KNope.Grad[h.row(&h.KNope, h.group, t):], d[:h.Nope])
		}
		if shared {
			copy(h.KRopeParts[((h.batch*h.Heads+h.group)*h.Seq+t)*h.Rope:], d[h.Nope:])
		} else {
			dst := h.KRope.Grad[h.row(&h.KRope, h.group, t):][:h.Rope]
			for j, v := range d[h.Nope:] {
				dst[j] += v
			}
		}
		copy(h.Value.Grad[h.row(&h.Value, h.group, t):], h.dv[t*h.V:(t+1)*h.V])
	}
}
