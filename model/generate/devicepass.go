package generate

import (
	"unsafe"

	"muonclip/internal/compute"
)

// pass describes the rows of a forward pass. Its integers lie on the device.
type pass[T compute.Float] struct {
	rows, span int     // rows with padding, and pages that the table has room for in each sequence
	long       bool    // a long prompt, whose attention is that of training
	table      []int32 // names of pages; see compute.DecodeArgs
	ids        []int32
	at, owner  []int32
	ends       []int32 // rows that have an output
}

// cut makes the parts of a pass of one piece of memory, which is as long as they are together.
func (p *pass[T]) cut(words []int32, sequences int) {
	next := func(n int) []int32 {
		x := words[:n:n]
		words = words[n:]
		return x
	}
	p.table, p.ids, p.at, p.owner = next(2*sequences*p.span), next(p.rows), next(p.rows), next(p.rows)
	p.ends = words
}

// deviceFFN is how many rows pass the feed-forward layers together.
const deviceFFN = 4096

// layout makes room in the sequences, uploads what describes the rows, at least padded ones, and takes memory for a pass.
func (d *device[T]) layout(segments []segment[T], padded int, long bool) *pass[T] {
	d.plan.segments = segments
	p := &pass[T]{long: long, span: 1}
	outputs := 0
	for _, s := range segments {
		s.seq.extend(len(s.ids))
		d.countAttention(s)
		p.rows, p.span = p.rows+len(s.ids), max(p.span, len(s.seq.pages))
		if s.output >= 0 {
			outputs++
		}
	}
	d.countProducts(p.rows, outputs)
	p.rows, p.span = max(p.rows, padded), upTo(p.span)
	sequences := max(len(segments), padded)
	d.words = grow(d.words, 2*sequences*p.span+3*p.rows+max(outputs, padded)) // of one length for one stepKey
	clear(d.words)
	p.cut(d.words, sequences)
	p.describe(segments)
	d.pass.Reset()
	there := d.pass.Ints(len(d.words))
	d.be.UploadInts(there, d.words)
	p.cut(there, sequences)
	d.buffers(p)
	return p
}

// describe fills in all integers, which lie on the host and are zero.
func (p *pass[T]) describe(segments []segment[T]) {
	row, end := 0, 0
	for i, s := range segments {
		for j, pg := range s.seq.pages {
			copy(p.table[2*(i*p.span+j):], pg.name[:])
		}
		for j, id := range s.ids {
			p.ids[row], p.at[row], p.owner[row] = id, int32(s.seq.n-len(s.ids)+j), int32(i)
			row++
		}
		if s.output >= 0 {
			p.ends[end] = int32(row - 1)
			end++
		}
	}
	for ; row < p.rows; row++ {
		p.at[row] = -1
	}
}

// countProducts counts the work of all products of a pass. Which experts are used stays on the device: as many count as
// can be used.
func (d *device[T]) countProducts(rows, outputs int) {
	weights, products := len(d.head), outputs*len(d.head)
	for l := range d.sources {
		w := &d.sources[l]
		weights, products = weights+w.shared(), products+rows*w.shared()
		if w.router != nil {
			expert, k := len(w.experts)/d.cfg.NRoutedExperts, d.cfg.NumExpertsPerTok
			weights, products = weights+min(rows*k, d.cfg.NRoutedExperts)*expert, products+rows*k*expert
		}
	}
	d.work.WeightBytes += d.bytes(weights)
	d.work.FLOPs += 2 * float64(products)
}

// shared is the elements of the matrices that every row meets.
func (w *source[T]) shared() (n int) {
	for _, x := range [][]T{w.qA, w.qB, w.kvA, w.kvB, w.k, w.v, w.o, w.gateUp, w.down, w.router} {
		n += len(x)
	}
	return n
}

// bytes is the memory of n elements of matrices as products read them.
func (d *device[T]) bytes(n int) int64 {
	var zero T
	return int64(d.be.ShortSize(n)) * int64(unsafe.Sizeof(zero))
}

func (d *device[T]) weightBytes() int64 {
	n := len(d.head)
	for l := range d.sources {
		n += d.sources[l].shared() + len(d.sources[l].experts)
	}
	return d.bytes(n)
}

// buffers takes the memory of a pass. Passes of one size take the same memory each time.
func (d *device[T]) buffers(p *pass[T]) {
	c, b, s, n, take := d.cfg, &d.buf, d.shape, p.rows, d.pass.Buffer
	heads := c.NumAttentionHeads
	b.x, b.delta, b.h, b.rstd = take(n*c.HiddenSize), take(n*c.HiddenSize), take(n*c.HiddenSize), take(n)
	b.q, b.headOut = take(n*heads*c.QKHeadDim()), take(n*heads*c.ValueHeadDim())
	if c.MLA() {
		b.kv = take(n * s.width)
		b.qA, b.norm = take(n*c.QLoraRank), take(n*max(c.QLoraRank, c.KVLoraRank))
		if p.long {
			b.expanded = take(n * heads * (c.QKNopeHeadDim + c.VHeadDim))
		} else {
			b.query, b.out = take(n*heads*s.dim), take(n*heads*s.vdim)
		}
	} else {
		b.kv, b.v = take(n*s.value), take(n*s.value)
		if c.QKNorm {
			b.query, b.norm, b.headStd = take(n*heads*s.dim), take(n*s.value), take(n*heads)
		}
	}
	if p.long {
		b.lse, b.top = take(n*heads), take(heads)
	}
	rows, dense, r := min(n, deviceFFN), 0, &b.routed
	for l := range d.sources {
		dense = max(dense, d.sources[l].width)
	}
	b.gateUp, b.act = take(rows*2*dense), take(rows*dense)
	slots, experts, width := rows*c.NumExpertsPerTok, c.NRoutedExperts, c.MoeIntermediateSize
	if experts > 0 {
		r.scores, r.weight, r.rows = take(rows*experts), take(slots), take(slots*c.HiddenSize)
		r.gateUp, r.act = take(slots*2*width), take(slots*width)
		r.index, r.token, r.choice, r.slot = d.pass.Ints(slots), d.pass.Ints(slots), d.pass.Ints(slots), d.pass.Ints(slots)
		r.ends, r.load = d.pass.Ints(experts), d.pass.Ints(experts)
	}
}

// run asks for all layers and leaves the normalised hidden states in buffers.h.
func (d *device[T]) run(p *pass[T]) {
	b := &d.buf
	d.be.Embed(b.x, d.embed, p.ids, d.cfg.HiddenSize)
	for l := range d.sources {
		w := &d.sources[l]
		if l == 0 {
			d.be.RMSNorm(b.h, b.rstd, b.x, d.cfg.HiddenSize, nil, w.inputNorm, T(d.cfg.RMSNormEps))
		} else {
			d.addNorm(w.inputNorm)
		}
		d.attention(p, l)
		d.addNorm(w.postNorm)
		for lo := 0; lo < p.rows; lo += deviceFFN {
			d.feedForward(w, lo, min(deviceFFN, p.rows-lo))
		}
	}
	d.addNorm(d.norm)
}

// addNorm adds delta to the residual stream and writes its norm to h.
func (d *device[T]) addNorm(w []T) {
	b := &d.buf
	d.be.RMSNorm(b.h, b.rstd, b.x, d.cfg.HiddenSize, b.delta, w, T(d.cfg.RMSNormEps))
	b.x, b.delta = b.delta, b.x
}

// linear computes y = x wᵀ for n rows.
func (d *device[T]) linear(y, x, w []T, n, out, in int) {
	d.be.Gemm(false, true, n, out, in, 1, x, in, w, in, 0, y, out)
}

// attention writes layer l's attention of the rows in h to delta, and their keys to the cache.
func (d *device[T]) attention(p *pass[T], l int) {
	c, b, w, n := d.cfg, &d.buf, &d.sources[l], p.rows
	eps, heads := T(c.RMSNormEps), c.NumAttentionHeads
	in, width := b.h, c.HiddenSize
	if w.qA != nil {
		qA := b.norm[:n*c.QLoraRank]
		d.linear(b.qA, b.h, w.qA, n, c.QLoraRank, c.HiddenSize)
		d.be.RMSNorm(qA, b.rstd, b.qA, c.QLoraRank, nil, w.qANorm, eps)
		in, width = qA, c.QLoraRank
	}
	d.linear(b.q, in, w.qB, n, heads*c.QKHeadDim(), width)
	a := compute.DecodeArgs[T]{
		Heads: heads, Group: d.shape.heads, Nope: c.QKNopeHeadDim, Rope: c.QKRopeHeadDim, Rank: c.KVLoraRank, Scale: d.scale, Cos: d.cos, Sin: d.sin,
		Owner: p.owner, At: p.at, Table: p.table, Span: p.span, PageTokens: pageTokens, Layer: l, Q: b.q, Key: b.kv, Norm: w.kvANorm, Eps: eps,
	}
	if c.MLA() {
		d.linear(b.kv, b.h, w.kvA, n, d.shape.width, c.HiddenSize)
		a.Query, a.Out = b.query, b.out
	} else {
		a.Nope, a.Rope, a.Rank = 0, c.HeadDim, 0
		d.linear(b.kv, b.h, w.k, n, d.shape.value, c.HiddenSize)
		d.linear(b.v, b.h, w.v, n, d.shape.value, c.HiddenSize)
		if w.qNorm != nil {
			d.be.RMSNorm(b.query, b.headStd, b.q, c.HeadDim, nil, w.qNorm, eps)
			d.be.RMSNorm(b.norm, b.headStd[:n*d.shape.groups], b.kv, c.HeadDim, nil, w.kNorm, eps)
			a.Q, a.Key = b.query, b.norm
		}
		a.Value, a.Out = b.v, b.headOut
	}
	switch {
	case p.long:
		d.attendPrompt(p, w, a)
	case c.MLA():
		d.attendLatent(w, &a, n)
	default:
		d.be.KeepKeys(&a)
		d.be.AttendPages(&a)
	}
	d.linear(b.delta, b.headOut, w.o, n, c.HiddenSize, heads*c.ValueHeadDim())
}

// attendLatent is latent attention with the matrices of kv_b_proj absorbed by queries and outputs, each head's in place: of
// its nope+v rows the first make keys of latents, the others values.
func (d *device[T]) attendLatent(w *source[T], a *compute.DecodeArgs[T], n int) {
	c, dim := d.cfg, d.shape.dim
	nope, qk, rank, v := c.QKNopeHeadDim, c.QKHeadDim(), c.KVLoraRank, c.VHeadDim
	step := (nope + v) * rank
	d.be.KeepKeys(a)
	d.be.GemmBatch(false, a.Heads, n, rank, nope, a.Q, a.Heads*qk, qk, w.kvB, rank, step, a.Query, a.Heads*dim, dim)
	d.be.AttendPages(a)
	d.be.GemmBatch(true, a.Heads, n, v, rank, a.Out, a.Heads*rank, rank, w.kvB[nope*rank:], rank, step, d.buf.headOut, a.Heads*v, v)
}

// attendPrompt is the attention of a long prompt, as training does it. Its keys go to the cache.
func (d *device[T]) attendPrompt(p *pass[T], w *source[T], keys compute.DecodeArgs[T]) {
	c, b, n, heads := d.cfg, &d.buf, p.rows, keys.Heads
	qk, v := c.QKHeadDim(), c.ValueHeadDim()
	a := compute.AttentionArgs[T]{
		Batch: 1, Seq: n, Heads: heads, Group: 1, Nope: keys.Nope, Rope: keys.Rope, V: v, Scale: d.scale, Cos: d.cos, Sin: d.sin,
		Out: b.headOut, LSE: b.lse, MaxLogit: b.top, Q: compute.HeadCols[T]{Data: keys.Q, Ld: heads * qk, Stride: qk},
	}
	if c.MLA() {
		width, norm := c.QKNopeHeadDim+v, b.norm[:n*c.KVLoraRank] // the queries' own are used up
		d.be.RMSNorm(norm, b.rstd, b.kv, d.shape.width, nil, w.kvANorm, keys.Eps)
		d.linear(b.expanded, norm, w.kvB, n, heads*width, c.KVLoraRank)
		a.KNope = compute.HeadCols[T]{Data: b.expanded, Ld: heads * width, Stride: width}
		a.Value = compute.HeadCols[T]{Data: b.expanded, Ld: heads * width, Stride: width, Off: c.QKNopeHeadDim}
		a.KRope = compute.HeadCols[T]{Data: b.kv, Ld: d.shape.width, Off: c.KVLoraRank}
	} else {
		a.Group, a.RotateHalf = d.shape.heads, true
		a.KRope = compute.HeadCols[T]{Data: keys.Key, Ld: d.shape.value, Stride: c.HeadDim}
		a.Value = compute.HeadCols[T]{Data: b.v, Ld: d.shape.value, Stride: c.HeadDim}
	}
	keys.Q, keys.Query = nil, nil // training's kernels rotate the queries by themselves
	d.be.KeepKeys(&keys)
	d.be.Attention(&a)
}

// feedForward writes the dense layer's or the experts' output for rows [lo, lo+n) of h to delta.
func (d *device[T]) feedForward(w *source[T], lo, n int) {
	c, b, hidden := d.cfg, &d.buf, d.cfg.HiddenSize
	h, delta := b.h[lo*hidden:(lo+n)*hidden], b.delta[lo*hidden:(lo+n)*hidden]
	if w.width > 0 {
		act := b.act[:n*w.width]
		d.linear(b.gateUp, h, w.gateUp, n, 2*w.width, hidden)
		d.be.SwiGLU(act, b.gateUp, w.width)
		d.linear(delta, act, w.down, n, hidden, w.width)
	} else {
		d.be.Zero(delta)
	}
	if w.router == nil {
		return
	}
	r, slots, width, stride := &b.routed, n*c.NumExpertsPerTok, c.MoeIntermediateSize, 3*c.MoeIntermediateSize*hidden
	exactly(d.be, func() { d.linear(r.scores, h, w.router, n, c.NRoutedExperts, hidden) })
	index, weight, token, slot := r.index[:slots], r.weight[:slots], r.token[:slots], r.slot[:slots]
	d.be.Route(&compute.RouteArgs[T]{
		Tokens: n, Experts: c.NRoutedExperts, TopK: c.NumExpertsPerTok, Norm: c.NormTopkProb, Scale: T(c.RoutedScalingFactor), Bias: w.bias,
		Scores: r.scores, Index: index, Weight: weight,
	})
	d.be.FewGroup(index, c.NumExpertsPerTok, r.load, compute.Groups{Ends: r.ends, Token: token, Choice: r.choice[:slots], Slot: slot})
	d.be.FewGemm(r.gateUp[:slots*2*width], h, token, w.experts, r.ends, stride, 2*width, hidden)
	d.be.SwiGLU(r.act[:slots*width], r.gateUp, width)
	d.be.FewGemm(r.rows[:slots*hidden], r.act, nil, w.experts[2*width*hidden:], r.ends, stride, hidden, width)
	d.be.Combine(delta, r.rows, slot, weight, c.NumExpertsPerTok, hidden)
}

// exactly runs f without rounding operands, where the backend rounds them: a rounded score moves a choice.
func exactly[T compute.Float](be compute.Backend[T], f func()) {
	if m, ok := be.(compute.Mixed); ok {
		m.Exactly(f)
		return
	}
	f()
}
