package computetest

import (
	"math"

	"muonclip/internal/compute"
)

// widen copies the arguments of an attention to float64. Slices that are one in a are one in the
// copy, as keys and values of latent attention share rows.
func widen[T compute.Float](a *compute.AttentionArgs[T]) *compute.AttentionArgs[float64] {
	copies := map[*T][]float64{}
	one := func(x []T) []float64 {
		if len(x) == 0 {
			return nil
		}
		if _, ok := copies[&x[0]]; !ok {
			copies[&x[0]] = wide(x)
		}
		return copies[&x[0]]
	}
	cols := func(h compute.HeadCols[T]) compute.HeadCols[float64] {
		return compute.HeadCols[float64]{Data: one(h.Data), Grad: one(h.Grad), Ld: h.Ld, Off: h.Off, Stride: h.Stride}
	}
	return &compute.AttentionArgs[float64]{
		Batch: a.Batch, Seq: a.Seq, Heads: a.Heads, Group: a.Group, Nope: a.Nope, Rope: a.Rope, V: a.V,
		Q: cols(a.Q), KNope: cols(a.KNope), KRope: cols(a.KRope), Value: cols(a.Value),
		Cos: one(a.Cos), Sin: one(a.Sin), RotateHalf: a.RotateHalf, Scale: float64(a.Scale), DocStart: a.DocStart,
		Out: one(a.Out), LSE: one(a.LSE), MaxLogit: one(a.MaxLogit), DOut: one(a.DOut),
	}
}

// reference is attention one query and one key at a time.
type reference struct {
	*compute.AttentionArgs[float64]
}

// columns are the elements of a head in row t of a sequence.
func (r reference) columns(data []float64, c compute.HeadCols[float64], batch, t, head, n int) []float64 {
	return data[(batch*r.Seq+t)*c.Ld+c.Off+head*c.Stride:][:n]
}

// rotate turns the pairs of x by position t. It is linear and not always orthogonal: cosines and sines
// may carry a factor. The backward pass therefore needs its transpose.
func (r reference) rotate(x []float64, t int, transpose bool) {
	half := r.Rope / 2
	for i := range half {
		p, q := 2*i, 2*i+1
		if r.RotateHalf {
			p, q = i, half+i
		}
		cos, sin := r.Cos[t*half+i], r.Sin[t*half+i]
		if transpose {
			sin = -sin
		}
		x[p], x[q] = cos*x[p]-sin*x[q], sin*x[p]+cos*x[q]
	}
}

func (r reference) query(batch, t, head int) []float64 {
	q := append([]float64(nil), r.columns(r.Q.Data, r.Q, batch, t, head, r.Nope+r.Rope)...)
	r.rotate(q[r.Nope:], t, false)
	return q
}

func (r reference) key(batch, t, group int) []float64 {
	var k []float64
	if r.Nope > 0 {
		k = append(k, r.columns(r.KNope.Data, r.KNope, batch, t, group, r.Nope)...)
	}
	k = append(k, r.columns(r.KRope.Data, r.KRope, batch, t, group, r.Rope)...)
	r.rotate(k[r.Nope:], t, false)
	return k
}

func (r reference) start(batch, t int) int {
	if r.DocStart == nil {
		return 0
	}
	return int(r.DocStart[batch*r.Seq+t])
}

// logits are the softmax inputs of one query, from its first key on.
func (r reference) logits(batch, t, head int, keys [][]float64) []float64 {
	q := r.query(batch, t, head)
	var z []float64
	for s := r.start(batch, t); s <= t; s++ {
		z = append(z, r.Scale*dot(q, keys[s]))
	}
	return z
}

func (r reference) keys(batch, group int) [][]float64 {
	keys := make([][]float64, r.Seq)
	for t := range keys {
		keys[t] = r.key(batch, t, group)
	}
	return keys
}

// forward fills Out, LSE and MaxLogit.
func (r reference) forward() {
	for batch := range r.Batch {
		for head := range r.Heads {
			keys := r.keys(batch, head/r.Group)
			for t := range r.Seq {
				z := r.logits(batch, t, head, keys)
				p, top, above := softmax(z)
				r.LSE[(batch*r.Heads+head)*r.Seq+t] = top + above
				if !(top <= r.MaxLogit[head]) {
					r.MaxLogit[head] = top
				}
				out := r.Out[((batch*r.Seq+t)*r.Heads+head)*r.V:][:r.V]
				clear(out)
				for i, weight := range p {
					value := r.columns(r.Value.Data, r.Value, batch, r.start(batch, t)+i, head/r.Group, r.V)
					for j, v := range value {
						out[j] += weight * v
					}
				}
			}
		}
	}
}

// backward fills the gradients: those of Q, KNope and Value anew, that of KRope on top of what it holds.
func (r reference) backward() {
	for batch := range r.Batch {
		for t := range r.Seq {
			for head := range r.Heads {
				clear(r.columns(r.Q.Grad, r.Q, batch, t, head, r.Nope+r.Rope))
				if r.Nope > 0 {
					clear(r.columns(r.KNope.Grad, r.KNope, batch, t, head/r.Group, r.Nope))
				}
				clear(r.columns(r.Value.Grad, r.Value, batch, t, head/r.Group, r.V))
			}
		}
		for head := range r.Heads {
			keys := r.keys(batch, head/r.Group)
			for t := range r.Seq {
				r.backwardQuery(batch, t, head, keys)
			}
		}
	}
}

func (r reference) backwardQuery(batch, t, head int, keys [][]float64) {
	group, dim, first := head/r.Group, r.Nope+r.Rope, r.start(batch, t)
	z := r.logits(batch, t, head, keys)
	p, _, _ := softmax(z)
	dOut := r.DOut[((batch*r.Seq+t)*r.Heads+head)*r.V:][:r.V]
	dp := make([]float64, len(z))
	var mean float64
	for i, weight := range p {
		dp[i] = dot(dOut, r.columns(r.Value.Data, r.Value, batch, first+i, group, r.V))
		mean += weight * dp[i]
		dv := r.columns(r.Value.Grad, r.Value, batch, first+i, group, r.V)
		for j, d := range dOut {
			dv[j] += weight * d
		}
	}
	q, dq := r.query(batch, t, head), make([]float64, dim)
	for i, weight := range p {
		dz := weight * (dp[i] - mean) * r.Scale
		dk := make([]float64, dim)
		for j := range dim {
			dq[j] += dz * keys[first+i][j]
			dk[j] = dz * q[j]
		}
		r.rotate(dk[r.Nope:], first+i, true)
		if r.Nope > 0 {
			add(r.columns(r.KNope.Grad, r.KNope, batch, first+i, group, r.Nope), dk)
		}
		add(r.columns(r.KRope.Grad, r.KRope, batch, first+i, group, r.Rope), dk[r.Nope:])
	}
	r.rotate(dq[r.Nope:], t, true)
	add(r.columns(r.Q.Grad, r.Q, batch, t, head, dim), dq)
}

// add computes dst += src over the length of dst.
func add(dst, src []float64) {
	for i := range dst {
		dst[i] += src[i]
	}
}

func dot(x, y []float64) float64 {
	var sum float64
	for i, v := range x {
		sum += v * y[i]
	}
	return sum
}

// softmax gives the probabilities, the largest logit, and how far log(sum exp(z)) lies above it. The
// latter is exact to the last digits also where the logits are large.
func softmax(z []float64) (p []float64, top, above float64) {
	top = math.Inf(-1)
	for _, v := range z {
		top = math.Max(top, v)
	}
	var sum float64
	p = make([]float64, len(z))
	for i, v := range z {
		p[i] = math.Exp(v - top)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p, top, math.Log(sum)
}
