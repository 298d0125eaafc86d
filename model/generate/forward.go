package generate

import (
	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
)

// segment is a run of new tokens of one sequence within a forward pass.
type segment[T compute.Float] struct {
	seq    *Sequence[T]
	ids    []int32
	output int // row of buffers.last that takes the state of the last token, -1 for none
}

// buffers is the memory of a forward pass, grown to the largest pass so far.
type buffers[T compute.Float] struct {
	ids           []int32
	at            []int32 // position of each row in its sequence
	owner         []int32 // segment of each row
	x, delta      []T     // residual stream and what the next norm adds to it; rows x hidden
	h, rstd       []T
	q, qA, kv     []T
	v             []T
	gateUp, act   []T
	last          []T // outputs x hidden
	logits        []T // outputs x vocab
	routed        routeBuffers[T]
	query         []T // of the attention: groups x rows x heads of a group x dim
	out           []T // of the attention: rows x heads x vdim
	peak, sum     []T // of each row and head: largest score so far, softmax denominator so far
	partial       []T // results of the pages of one wave
	headOut, norm []T
}

type routeBuffers[T compute.Float] struct {
	scores, weight, rows, gateUp, act []T
	index, ends, token, choice, slot  []int32
	load                              []int32
}

// forward runs all layers over the segments, appends to their sequences and leaves the normalised
// hidden states of the rows that have an output in buffers.last.
func (e *Engine[T]) forward(segments []segment[T]) {
	e.plan.segments = segments
	n := e.layout(segments)
	hidden, eps, b := e.cfg.HiddenSize, T(e.cfg.RMSNormEps), &e.buf
	b.x, b.delta, b.h = grow(b.x, n*hidden), grow(b.delta, n*hidden), grow(b.h, n*hidden)
	b.rstd = grow(b.rstd, n)
	e.be.Embed(b.x, e.embed, b.ids, hidden)
	for l := range e.layers {
		y := &e.layers[l]
		if l == 0 {
			e.be.RMSNorm(b.h, b.rstd, b.x, hidden, nil, y.inputNorm, eps)
		} else {
			e.addNorm(y.inputNorm)
		}
		e.attention(l, n)
		e.addNorm(y.postNorm)
		e.feedForward(y, n)
	}
	e.addNorm(e.norm)
	row := 0
	for _, s := range segments {
		row += len(s.ids)
		if s.output >= 0 {
			copy(b.last[s.output*hidden:(s.output+1)*hidden], b.h[(row-1)*hidden:])
		}
	}
}

// layout makes room in the sequences, fills the description of every row and plans the attention,
// which is the same for all layers. It returns the number of rows.
func (e *Engine[T]) layout(segments []segment[T]) int {
	b := &e.buf
	b.ids, b.at, b.owner = b.ids[:0], b.at[:0], b.owner[:0]
	for i, s := range segments {
		for j, id := range s.ids {
			b.ids, b.at, b.owner = append(b.ids, id), append(b.at, int32(s.seq.n+j)), append(b.owner, int32(i))
		}
		s.seq.extend(len(s.ids))
		e.rope.reach(s.seq.n)
	}
	e.plan.build(e.shape, segments)
	return len(b.ids)
}

// addNorm adds delta to the residual stream and writes its norm to h.
func (e *Engine[T]) addNorm(w []T) {
	b := &e.buf
	e.be.RMSNorm(b.h, b.rstd, b.x, e.cfg.HiddenSize, b.delta, w, T(e.cfg.RMSNormEps))
	b.x, b.delta = b.delta, b.x
}

// feedForward writes the dense layer's or the experts' output for h to delta.
func (e *Engine[T]) feedForward(y *layer[T], n int) {
	b, hidden := &e.buf, e.cfg.HiddenSize
	if y.width > 0 {
		b.gateUp, b.act = grow(b.gateUp, n*2*y.width), grow(b.act, n*y.width)
		e.linear(b.gateUp, b.h, y.gateUp, n, 2*y.width, hidden)
		e.be.SwiGLU(b.act, b.gateUp, y.width)
		e.linear(b.delta, b.act, y.down, n, hidden, y.width)
	} else {
		clear(b.delta)
	}
	if y.router != nil {
		e.experts(y, n)
	}
}

// experts adds the routed experts' output for h to delta, the rows grouped by expert.
func (e *Engine[T]) experts(y *layer[T], n int) {
	b, c, r := &e.buf, e.cfg, &e.buf.routed
	hidden, count, k, width := c.HiddenSize, c.NRoutedExperts, c.NumExpertsPerTok, c.MoeIntermediateSize
	slots, stride := n*k, 3*width*hidden
	r.scores, r.weight, r.index = grow(r.scores, n*count), grow(r.weight, slots), grow(r.index, slots)
	r.ends, r.token, r.choice, r.slot = grow(r.ends, count), grow(r.token, slots), grow(r.choice, slots), grow(r.slot, slots)
	r.load = grow(r.load, count)
	e.linear(r.scores, b.h, y.router, n, count, hidden)
	e.be.Route(&compute.RouteArgs[T]{
		Tokens: n, Experts: count, TopK: k, Norm: c.NormTopkProb, Scale: T(c.RoutedScalingFactor), Bias: y.bias,
		Scores: r.scores, Index: r.index, Weight: r.weight,
	})
	e.be.Group(r.index, k, r.load, compute.Groups{Ends: r.ends, Token: r.token, Choice: r.choice, Slot: r.slot})
	r.rows, r.gateUp, r.act = grow(r.rows, slots*hidden), grow(r.gateUp, slots*2*width), grow(r.act, slots*width)
	e.be.Gather(r.rows, b.h, r.token, hidden)
	e.be.GroupedGemm(r.gateUp, r.rows, y.experts, r.ends, stride, 2*width, hidden, true)
	e.be.SwiGLU(r.act, r.gateUp, width)
	e.be.GroupedGemm(r.rows, r.act, y.experts[2*width*hidden:], r.ends, stride, hidden, width, true)
	e.be.Combine(b.delta, r.rows, r.slot, r.weight, k, hidden)
}

const (
	// manyRows is where packing a weight matrix once for all threads begins to pay.
	manyRows = 64
	// blockElems is the part of a weight matrix that a task multiplies: it stays in the second-level cache.
	blockElems = 1 << 16
)

// linear computes y = x wᵀ for w of out x in. Each output element is the same sum on both paths.
func (e *Engine[T]) linear(y, x, w []T, rows, out, in int) {
	if rows > manyRows {
		e.be.Gemm(false, true, rows, out, in, 1, x, in, w, in, 0, y, out)
		return
	}
	const step = 32 // columns of the widest kernel
	cols := min(ceil(out, 2*e.be.Threads()), max(step, blockElems/in))
	cols = ceil(cols, step) * step
	e.be.For(ceil(out, cols), func(wk *cpu.Worker[T], i int) {
		lo := i * cols
		wk.Gemm(false, true, rows, min(cols, out-lo), in, 1, x, in, w[lo*in:], in, 0, y[lo:], out)
	})
}

func ceil(a, b int) int { return (a + b - 1) / b }

// grow returns s with length n, reallocated only where its capacity is too small. Contents are undefined.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n+n/4)[:n]
	}
	return s[:n]
}
