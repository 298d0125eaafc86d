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
	headStd       []T // of normalised heads

	expanded, lse, top []T // of long prompts: [k_nope | v] of each row and head, and what attention reports
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
		e.countAttention(s)
		e.rope.reach(s.seq.n)
	}
	e.plan.build(e.shape, segments)
	return len(b.ids)
}

// countAttention counts the work of attention of new tokens, which are in their sequence.
func (e *Engine[T]) countAttention(s segment[T]) {
	pairs := float64(len(s.ids)) * (float64(s.seq.n) - float64(len(s.ids)-1)/2)
	e.work.CacheBytes += int64(s.seq.n) * int64(e.BytesPerToken())
	e.work.FLOPs += 2 * pairs * float64(e.cfg.NumHiddenLayers*e.cfg.NumAttentionHeads*(e.shape.dim+e.shape.vdim))
}

// addNorm adds delta to the residual stream and writes its norm to h.
func (e *Engine[T]) addNorm(w []T) {
	b := &e.buf
	e.be.RMSNorm(b.h, b.rstd, b.x, e.cfg.HiddenSize, b.delta, w, T(e.cfg.RMSNormEps))
	b.x, b.delta = b.delta, b.x
}

// feedForward writes the dense layer's or the experts' output for h to delta. Routed and shared experts
// work together: what one of them computes does not depend on the others.
func (e *Engine[T]) feedForward(y *layer[T], n int) {
	b, hidden := &e.buf, e.cfg.HiddenSize
	if y.router != nil {
		e.route(y, n)
		e.grouped(b.routed.gateUp, b.routed.rows, y.expertsUp)
	}
	if y.width > 0 {
		b.gateUp, b.act = grow(b.gateUp, n*2*y.width), grow(b.act, n*y.width)
		e.add(b.gateUp, 2*y.width, b.h, hidden, n, y.gateUp)
	}
	e.todo.Run(e.be)
	if y.router != nil {
		e.be.SwiGLU(b.routed.act, b.routed.gateUp, e.cfg.MoeIntermediateSize)
		e.grouped(b.routed.rows, b.routed.act, y.expertsDown)
	}
	if y.width > 0 {
		e.be.SwiGLU(b.act, b.gateUp, y.width)
		e.add(b.delta, hidden, b.act, y.width, n, y.down)
	} else {
		clear(b.delta)
	}
	e.todo.Run(e.be)
	if y.router != nil {
		e.be.Combine(b.delta, b.routed.rows, b.routed.slot, b.routed.weight, e.cfg.NumExpertsPerTok, hidden)
	}
}

// route chooses the experts of each row of h and gathers the rows by expert.
func (e *Engine[T]) route(y *layer[T], n int) {
	b, r := &e.buf, &e.buf.routed
	r.scores = grow(r.scores, n*e.cfg.NRoutedExperts)
	e.linear(r.scores, b.h, y.router, n)
	e.choose(y, n)
	e.be.Gather(r.rows, b.h, r.token, e.cfg.HiddenSize)
}

// choose chooses the experts of n rows by their scores, sorts the choices by expert and makes room for what the
// experts compute.
func (e *Engine[T]) choose(y *layer[T], n int) {
	c, r := e.cfg, &e.buf.routed
	count, k, width := c.NRoutedExperts, c.NumExpertsPerTok, c.MoeIntermediateSize
	slots := n * k
	r.weight, r.index = grow(r.weight, slots), grow(r.index, slots)
	r.ends, r.token, r.choice, r.slot = grow(r.ends, count), grow(r.token, slots), grow(r.choice, slots), grow(r.slot, slots)
	r.load = grow(r.load, count)
	e.be.Route(&compute.RouteArgs[T]{
		Tokens: n, Experts: count, TopK: k, Norm: c.NormTopkProb, Scale: T(c.RoutedScalingFactor), Bias: y.bias,
		Scores: r.scores, Index: r.index, Weight: r.weight,
	})
	e.be.Group(r.index, k, r.load, compute.Groups{Ends: r.ends, Token: r.token, Choice: r.choice, Slot: r.slot})
	r.rows, r.gateUp, r.act = grow(r.rows, slots*c.HiddenSize), grow(r.gateUp, slots*2*width), grow(r.act, slots*width)
}

// grouped adds the products of each expert's rows with its matrix to what is to do.
func (e *Engine[T]) grouped(y, x []T, experts []*cpu.Packed[T]) {
	lo := 0
	for i, end := range e.buf.routed.ends {
		w, hi := experts[i], int(end)
		e.add(y[lo*w.Out():], w.Out(), x[lo*w.In():], w.In(), hi-lo, w)
		lo = hi
	}
}

// add puts y = x wᵀ on the list of what is to do, with rows ldy and ldx elements apart.
func (e *Engine[T]) add(y []T, ldy int, x []T, ldx, rows int, w *cpu.Packed[T]) {
	if rows > 0 {
		e.work.WeightBytes += int64(w.Bytes())
		e.work.FLOPs += 2 * float64(rows) * float64(w.In()) * float64(w.Out())
	}
	e.todo.Add(y, ldy, x, ldx, rows, w)
}

// linear computes y = x wᵀ for all rows.
func (e *Engine[T]) linear(y, x []T, w *cpu.Packed[T], rows int) {
	e.add(y, w.Out(), x, w.In(), rows, w)
	e.todo.Run(e.be)
}

func ceil(a, b int) int { return (a + b - 1) / b }

// grow returns s with length n, reallocated only where its capacity is too small. Contents are undefined.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n+n/4)[:n]
	}
	return s[:n]
}
