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
	c, b, y, hidden := e.cfg, &e.buf, &e.layers[l], e.cfg.HiddenSize
	heads := c.NumAttentionHeads
	qIn, in := b.h, hidden
	if y.qA != nil {
		in = c.QLoraRank
		b.qA, b.norm = grow(b.qA, n*in), grow(b.norm, n*in)
		e.linear(b.qA, b.h, y.qA, n, in, hidden)
		e.be.RMSNorm(b.norm, b.rstd, b.qA, in, nil, y.qANorm, T(c.RMSNormEps))
		qIn = b.norm
	}
	b.q = grow(b.q, n*heads*c.QKHeadDim())
	e.linear(b.q, qIn, y.qB, n, heads*c.QKHeadDim(), in)
	s := e.shape
	b.query, b.out = grow(b.query, n*heads*s.dim), grow(b.out, n*heads*s.vdim)
	out := b.out
	if c.MLA() {
		e.storeLatent(l, n)
		e.absorbKeys(y, n)
		e.attend(l)
		b.headOut = grow(b.headOut, n*heads*c.VHeadDim)
		e.absorbValues(y, n)
		out = b.headOut
	} else {
		e.storeGrouped(l, n)
		e.attend(l)
	}
	e.linear(b.delta, out, y.o, n, hidden, heads*c.ValueHeadDim())
}

// storeLatent fills the cache rows of latent attention, scales the queries and rotates their rotary
// parts into the query matrix.
func (e *Engine[T]) storeLatent(l, n int) {
	c, b, y, s := e.cfg, &e.buf, &e.layers[l], e.shape
	rank, nope, qk := c.KVLoraRank, c.QKNopeHeadDim, c.QKHeadDim()
	b.kv, b.norm = grow(b.kv, n*s.width), grow(b.norm, n*rank)
	e.linear(b.kv, b.h, y.kvA, n, s.width, c.HiddenSize)
	e.be.RMSNorm(b.norm, b.rstd, b.kv, s.width, nil, y.kvANorm, T(c.RMSNormEps))
	e.be.For(n, func(_ *cpu.Worker[T], i int) {
		at := int(b.at[i])
		row := e.plan.segments[b.owner[i]].seq.row(l, at, s.width)
		copy(row[:rank], b.norm[i*rank:])
		copy(row[rank:], b.kv[i*s.width+rank:])
		e.rope.rotate(row[rank:], at)
		for h := range c.NumAttentionHeads {
			q := b.q[(i*s.heads+h)*qk:][:qk]
			scale(q, e.scale)
			rotary := b.query[(i*s.heads+h)*s.dim+rank:][:s.dim-rank]
			copy(rotary, q[nope:])
			e.rope.rotate(rotary, at)
		}
	})
}

// absorbKeys turns each head's q_nope into a query of latents: (W_uk c)·q = c·(W_ukᵀ q).
func (e *Engine[T]) absorbKeys(y *layer[T], n int) {
	c, b, s := e.cfg, &e.buf, e.shape
	rank, nope, qk := c.KVLoraRank, c.QKNopeHeadDim, c.QKHeadDim()
	e.be.For(s.heads, func(w *cpu.Worker[T], h int) {
		up := y.kvB[h*(nope+c.VHeadDim)*rank:]
		w.Gemm(false, false, n, rank, nope, 1, b.q[h*qk:], s.heads*qk, up, rank, 0, b.query[h*s.dim:], s.heads*s.dim)
	})
}

// absorbValues turns each head's mean latent into its output: sum p (W_uv c) = W_uv (sum p c).
func (e *Engine[T]) absorbValues(y *layer[T], n int) {
	c, b, s := e.cfg, &e.buf, e.shape
	rank, nope, v := c.KVLoraRank, c.QKNopeHeadDim, c.VHeadDim
	e.be.For(s.heads, func(w *cpu.Worker[T], h int) {
		up := y.kvB[(h*(nope+v)+nope)*rank:]
		w.Gemm(false, true, n, v, rank, 1, b.out[h*rank:], s.heads*rank, up, rank, 0, b.headOut[h*v:], s.heads*v)
	})
}

// storeGrouped fills the cache rows of grouped-query attention, and scales and rotates the queries
// into the query matrix, where the heads of one group lie together.
func (e *Engine[T]) storeGrouped(l, n int) {
	c, b, y, s := e.cfg, &e.buf, &e.layers[l], e.shape
	half := s.value
	b.kv, b.v = grow(b.kv, n*half), grow(b.v, n*half)
	e.linear(b.kv, b.h, y.k, n, half, c.HiddenSize)
	e.linear(b.v, b.h, y.v, n, half, c.HiddenSize)
	e.be.For(n, func(_ *cpu.Worker[T], i int) {
		at := int(b.at[i])
		row := e.plan.segments[b.owner[i]].seq.row(l, at, s.width)
		copy(row[:half], b.kv[i*half:])
		copy(row[half:], b.v[i*half:(i+1)*half])
		for g := range s.groups {
			e.rope.rotate(row[g*s.dim:(g+1)*s.dim], at)
			for h := range s.heads {
				q := b.query[((g*n+i)*s.heads+h)*s.dim:][:s.dim]
				copy(q, b.q[((i*s.groups+g)*s.heads+h)*s.dim:])
				scale(q, e.scale)
				e.rope.rotate(q, at)
			}
		}
	})
}

func scale[T compute.Float](x []T, by T) {
	for i := range x {
		x[i] *= by
	}
}
