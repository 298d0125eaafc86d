package generate

import (
	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
	"muonclip/model"
)

// attentionShape says what the cache holds and what the queries look like. With latent attention
// (DeepSeek-V2, arXiv 2405.04434, section 2.1) in absorbed form there is one group of all heads: a
// query is q_nope W_uk beside the rotated q_rope, a key is the whole cache row, and a value is its
// latent part. With grouped-query attention each key head has its group.
type attentionShape struct {
	groups, heads int // heads of one group
	dim, vdim     int // elements of a query and a key, and of a value
	width         int // of a cache row
	value         int // where the first group's value begins in a cache row
}

func shapeOf(c model.Config) attentionShape {
	if c.MLA() {
		dim := c.KVLoraRank + c.QKRopeHeadDim
		return attentionShape{groups: 1, heads: c.NumAttentionHeads, dim: dim, vdim: c.KVLoraRank, width: dim}
	}
	kv := c.KVHeads()
	return attentionShape{
		groups: kv, heads: c.NumAttentionHeads / kv, dim: c.HeadDim, vdim: c.HeadDim, width: 2 * kv * c.HeadDim, value: kv * c.HeadDim,
	}
}

// attention writes layer l's attention of the n rows in h to delta, and their keys to the cache.
func (e *Engine[T]) attention(l, n int) {
	c, b, y, s := e.cfg, &e.buf, &e.layers[l], e.shape
	heads := c.NumAttentionHeads
	b.q, b.kv = grow(b.q, n*heads*c.QKHeadDim()), grow(b.kv, n*s.width)
	b.query, b.out = grow(b.query, n*heads*s.dim), grow(b.out, n*heads*s.vdim)
	out := b.out
	if c.MLA() {
		e.projectLatent(y, n)
		e.storeLatent(l, n)
		e.absorb(b.query, s.dim, b.q, c.QKHeadDim(), y.keyUp, n)
		e.attend(l)
		b.headOut = grow(b.headOut, n*heads*c.VHeadDim)
		e.absorb(b.headOut, c.VHeadDim, b.out, s.vdim, y.valueUp, n)
		out = b.headOut
	} else {
		b.v = grow(b.v, n*s.value)
		e.add(b.q, heads*s.dim, b.h, c.HiddenSize, n, y.qB)
		e.add(b.kv, s.value, b.h, c.HiddenSize, n, y.k)
		e.add(b.v, s.value, b.h, c.HiddenSize, n, y.v)
		e.todo.Run(e.be)
		e.normHeads(b.q, y.qNorm, n*heads)
		e.normHeads(b.kv, y.kNorm, n*s.groups)
		e.storeGrouped(l, n)
		e.attend(l)
	}
	e.linear(b.delta, out, y.o, n)
}

// normHeads is RMSNorm of each of n heads in place; without a weight it does nothing.
func (e *Engine[T]) normHeads(x, w []T, n int) {
	if w == nil {
		return
	}
	b := &e.buf
	b.norm, b.headStd = grow(b.norm, n*len(w)), grow(b.headStd, n)
	e.be.RMSNorm(b.norm, b.headStd, x, len(w), nil, w, T(e.cfg.RMSNormEps))
	copy(x, b.norm)
}

// projectLatent computes queries, latents and the rotary keys of latent attention.
func (e *Engine[T]) projectLatent(y *layer[T], n int) {
	c, b := e.cfg, &e.buf
	e.add(b.kv, e.shape.width, b.h, c.HiddenSize, n, y.kvA)
	if y.qA == nil {
		e.add(b.q, y.qB.Out(), b.h, c.HiddenSize, n, y.qB)
		e.todo.Run(e.be)
		return
	}
	b.qA, b.norm = grow(b.qA, n*c.QLoraRank), grow(b.norm, n*c.QLoraRank)
	e.add(b.qA, c.QLoraRank, b.h, c.HiddenSize, n, y.qA)
	e.todo.Run(e.be)
	e.be.RMSNorm(b.norm, b.rstd, b.qA, c.QLoraRank, nil, y.qANorm, T(c.RMSNormEps))
	e.linear(b.q, b.norm, y.qB, n)
}

// storeLatent fills the cache rows of latent attention, scales the queries and rotates their rotary
// parts into the query matrix.
func (e *Engine[T]) storeLatent(l, n int) {
	c, b, s := e.cfg, &e.buf, e.shape
	rank, nope, qk := c.KVLoraRank, c.QKNopeHeadDim, c.QKHeadDim()
	e.normLatent(l, n)
	e.be.For(n, func(_ *cpu.Worker[T], i int) {
		at := e.keepLatent(l, i)
		for h := range c.NumAttentionHeads {
			q := b.q[(i*s.heads+h)*qk:][:qk]
			scale(q, e.scale)
			rotary := b.query[(i*s.heads+h)*s.dim+rank:][:s.dim-rank]
			copy(rotary, q[nope:])
			e.rope.rotate(rotary, at)
		}
	})
}

// normLatent writes the normalised latents of n rows to norm.
func (e *Engine[T]) normLatent(l, n int) {
	b := &e.buf
	b.norm = grow(b.norm, n*e.cfg.KVLoraRank)
	e.be.RMSNorm(b.norm, b.rstd, b.kv, e.shape.width, nil, e.layers[l].kvANorm, T(e.cfg.RMSNormEps))
}

// keepLatent fills the cache row of row i and returns its position.
func (e *Engine[T]) keepLatent(l, i int) int {
	b, rank, width := &e.buf, e.cfg.KVLoraRank, e.shape.width
	at := int(b.at[i])
	row := e.plan.segments[b.owner[i]].seq.row(l, at, width)
	copy(row[:rank], b.norm[i*rank:])
	copy(row[rank:], b.kv[i*width+rank:])
	e.rope.rotate(row[rank:], at)
	return at
}

// absorb multiplies each head's part of x by the head's matrix. With the matrices of the keys it turns
// q_nope into a query of latents: (W_uk c)·q = c·(W_ukᵀ q). With those of the values it turns the mean
// latent into the head's output: sum p (W_uv c) = W_uv (sum p c). ldy and ldx are the elements of one head.
func (e *Engine[T]) absorb(y []T, ldy int, x []T, ldx int, heads []*cpu.Packed[T], n int) {
	for h, w := range heads {
		e.add(y[h*ldy:], len(heads)*ldy, x[h*ldx:], len(heads)*ldx, n, w)
	}
	e.todo.Run(e.be)
}

// storeGrouped fills the cache rows of grouped-query attention, and scales and rotates the queries
// into the query matrix, where the heads of one group lie together.
func (e *Engine[T]) storeGrouped(l, n int) {
	b, s := &e.buf, e.shape
	e.be.For(n, func(_ *cpu.Worker[T], i int) {
		at := e.keepGrouped(l, i)
		for g := range s.groups {
			for h := range s.heads {
				q := b.query[((g*n+i)*s.heads+h)*s.dim:][:s.dim]
				copy(q, b.q[((i*s.groups+g)*s.heads+h)*s.dim:])
				scale(q, e.scale)
				e.rope.rotate(q, at)
			}
		}
	})
}

// keepGrouped fills the cache row of row i and returns its position.
func (e *Engine[T]) keepGrouped(l, i int) int {
	b, s := &e.buf, e.shape
	half, at := s.value, int(b.at[i])
	row := e.plan.segments[b.owner[i]].seq.row(l, at, s.width)
	copy(row[:half], b.kv[i*half:])
	copy(row[half:], b.v[i*half:(i+1)*half])
	for g := range s.groups {
		e.rope.rotate(row[g*s.dim:(g+1)*s.dim], at)
	}
	return at
}

func scale[T compute.Float](x []T, by T) {
	for i := range x {
		x[i] *= by
	}
}
