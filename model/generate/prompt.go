package generate

import (
	"fmt"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
	"muonclip/model"
)

// longPrompt is the fewest tokens of a new sequence that are read as training reads them: by matrix products with
// keys and values written out for every head. Each long prompt has a pass of its own. Products may choose their kernels by
// the number of rows, and so nothing depends on what else is read.
const longPrompt = 256

// readsAlone reports whether ids are a long prompt. With stored weights there is none: the model's own weights, which
// training's products read, are others.
func (e *Engine[T]) readsAlone(s *Sequence[T], ids []int32) bool {
	least := longPrompt
	if e.dev != nil {
		least = deviceLong
	}
	return s.n == 0 && len(ids) >= least && e.format == cpu.Full
}

// promptRows is how many rows of a long prompt pass the feed-forward layers together.
const promptRows = 1024

// source is the weights of one layer as the model stores them.
type source[T compute.Float] struct {
	inputNorm, postNorm       []T
	qA, qB, kvA, kvB, k, v, o []T
	qANorm, kvANorm           []T
	qNorm, kNorm              []T
	gateUp, down              []T
	width                     int // of the dense feed-forward, or of the shared experts together; 0 for none
	router, bias, experts     []T
}

func sourceOf[T compute.Float](m *model.Model[T], l int) source[T] {
	c := m.Config
	name := fmt.Sprintf("model.layers.%d.", l)
	get := func(s string) []T { return m.Operand(name+s, 0) }
	y := source[T]{
		inputNorm: get("input_layernorm.weight"), postNorm: get("post_attention_layernorm.weight"),
		qANorm: get("self_attn.q_a_layernorm.weight"), kvANorm: get("self_attn.kv_a_layernorm.weight"),
		qNorm: get("self_attn.q_norm.weight"), kNorm: get("self_attn.k_norm.weight"),
		qA: get("self_attn.q_a_proj.weight"), qB: get("self_attn.q_b_proj.weight"), kvA: get("self_attn.kv_a_proj_with_mqa.weight"),
		kvB: get("self_attn.kv_b_proj.weight"), k: get("self_attn.k_proj.weight"), v: get("self_attn.v_proj.weight"), o: get("self_attn.o_proj.weight"),
	}
	if y.qB == nil {
		y.qB = get("self_attn.q_proj.weight")
	}
	dense, width := "mlp.", c.IntermediateSize
	if c.IsMoE(l) {
		dense, width = "mlp.shared_experts.", c.MoeIntermediateSize*c.NSharedExperts
		y.router, y.bias = get("mlp.gate.weight"), get("mlp.gate.e_score_correction_bias")
		y.experts = m.Operand(name+"mlp.experts.0.gate_proj.weight", c.NRoutedExperts*3*c.MoeIntermediateSize*c.HiddenSize)
	}
	y.width, y.gateUp, y.down = width, m.Operand(name+dense+"gate_proj.weight", 2*width*c.HiddenSize), get(dense+"down_proj.weight")
	return y
}

// readPrompt reads a long prompt into an empty sequence and leaves the normalised hidden state of its last token in
// buffers.last. Of the last layer, which nothing but that token's logits needs, the other tokens only get their cache.
func (e *Engine[T]) readPrompt(s segment[T]) {
	b, hidden, eps, n := &e.buf, e.cfg.HiddenSize, T(e.cfg.RMSNormEps), len(s.ids)
	e.layoutPrompt(s)
	b.x, b.delta, b.h = grow(b.x, n*hidden), grow(b.delta, n*hidden), grow(b.h, n*hidden)
	b.rstd = grow(b.rstd, n)
	e.be.Embed(b.x, e.embed, s.ids, hidden)
	for l := range e.layers {
		y, w := &e.layers[l], &e.sources[l]
		if l == 0 {
			e.be.RMSNorm(b.h, b.rstd, b.x, hidden, nil, y.inputNorm, eps)
		} else {
			e.addNorm(y.inputNorm)
		}
		e.promptKeys(l, w, n)
		if l == len(e.layers)-1 {
			break
		}
		e.promptAttention(l, w, n)
		e.addNorm(y.postNorm)
		for lo := 0; lo < n; lo += promptRows {
			e.promptFeedForward(y, w, lo, min(promptRows, n-lo))
		}
	}
	e.lastRow(s)
}

// layoutPrompt makes room in the sequence and says where its rows belong.
func (e *Engine[T]) layoutPrompt(s segment[T]) {
	b, n := &e.buf, len(s.ids)
	s.seq.extend(n)
	e.rope.reach(n)
	e.work.CacheBytes += int64(n) * int64(e.BytesPerToken())
	b.at, b.owner = grow(b.at, n), grow(b.owner, n)
	for i := range n {
		b.at[i], b.owner[i] = int32(i), 0
	}
	e.plan.segments = append(e.plan.segments[:0], s)
}

// promptKeys computes the latents, or the keys and values, of all rows of h and stores them in the cache.
func (e *Engine[T]) promptKeys(l int, w *source[T], n int) {
	c, b, s := e.cfg, &e.buf, e.shape
	b.kv = grow(b.kv, n*s.width)
	if c.MLA() {
		e.product(b.kv, b.h, w.kvA, n, s.width, c.HiddenSize)
		e.normLatent(l, n)
		e.be.For(n, func(_ *cpu.Worker[T], i int) { e.keepLatent(l, i) })
		return
	}
	b.v = grow(b.v, n*s.value)
	e.product(b.kv, b.h, w.k, n, s.value, c.HiddenSize)
	e.product(b.v, b.h, w.v, n, s.value, c.HiddenSize)
	e.normHeads(b.kv, e.layers[l].kNorm, n*s.groups)
	e.be.For(n, func(_ *cpu.Worker[T], i int) { e.keepGrouped(l, i) })
}

// promptAttention writes the attention of n rows that promptKeys has seen to delta.
func (e *Engine[T]) promptAttention(l int, w *source[T], n int) {
	c, b, y, s := e.cfg, &e.buf, &e.layers[l], e.shape
	heads, qk, v := c.NumAttentionHeads, c.QKHeadDim(), c.ValueHeadDim()
	b.q, b.headOut = grow(b.q, n*heads*qk), grow(b.headOut, n*heads*v)
	b.lse, b.top = grow(b.lse, n*heads), grow(b.top, heads)
	a := compute.AttentionArgs[T]{
		Batch: 1, Seq: n, Heads: heads, Group: 1, Nope: c.QKNopeHeadDim, Rope: c.QKRopeHeadDim, V: v, Scale: e.scale,
		Cos: e.rope.cos, Sin: e.rope.sin, Out: b.headOut, LSE: b.lse, MaxLogit: b.top,
		Q: compute.HeadCols[T]{Data: b.q, Ld: heads * qk, Stride: qk},
	}
	if c.MLA() { // promptKeys has left the normalised latents in norm
		width := c.QKNopeHeadDim + v
		b.expanded = grow(b.expanded, n*heads*width)
		e.product(b.expanded, b.norm, w.kvB, n, heads*width, c.KVLoraRank)
		a.KNope = compute.HeadCols[T]{Data: b.expanded, Ld: heads * width, Stride: width}
		a.Value = compute.HeadCols[T]{Data: b.expanded, Ld: heads * width, Stride: width, Off: c.QKNopeHeadDim}
		a.KRope = compute.HeadCols[T]{Data: b.kv, Ld: s.width, Off: c.KVLoraRank}
	} else {
		a.Group, a.Nope, a.Rope, a.RotateHalf = s.heads, 0, c.HeadDim, true
		a.KRope = compute.HeadCols[T]{Data: b.kv, Ld: s.value, Stride: c.HeadDim}
		a.Value = compute.HeadCols[T]{Data: b.v, Ld: s.value, Stride: c.HeadDim}
	}
	in := b.h
	if width := c.HiddenSize; w.qA != nil {
		b.qA, b.norm = grow(b.qA, n*c.QLoraRank), grow(b.norm, n*c.QLoraRank)
		e.product(b.qA, b.h, w.qA, n, c.QLoraRank, width)
		e.be.RMSNorm(b.norm, b.rstd, b.qA, c.QLoraRank, nil, y.qANorm, T(c.RMSNormEps))
		in = b.norm
	}
	e.product(b.q, in, w.qB, n, heads*qk, len(w.qB)/(heads*qk))
	e.normHeads(b.q, y.qNorm, n*heads)
	e.be.Attention(&a)
	e.product(b.delta, b.headOut, w.o, n, c.HiddenSize, heads*v)
}

// promptFeedForward writes the dense layer's or the experts' output for rows [lo, lo+n) of h to delta.
func (e *Engine[T]) promptFeedForward(y *layer[T], w *source[T], lo, n int) {
	b, c := &e.buf, e.cfg
	hidden := c.HiddenSize
	h, delta := b.h[lo*hidden:(lo+n)*hidden], b.delta[lo*hidden:(lo+n)*hidden]
	if y.width > 0 {
		b.gateUp, b.act = grow(b.gateUp, n*2*y.width), grow(b.act, n*y.width)
		e.product(b.gateUp, h, w.gateUp, n, 2*y.width, hidden)
		e.be.SwiGLU(b.act, b.gateUp, y.width)
		e.product(delta, b.act, w.down, n, hidden, y.width)
	} else {
		clear(delta)
	}
	if y.router == nil {
		return
	}
	r, width := &b.routed, c.MoeIntermediateSize
	r.scores = grow(r.scores, n*c.NRoutedExperts)
	e.product(r.scores, h, w.router, n, c.NRoutedExperts, hidden)
	e.choose(y, n)
	stride := 3 * width * hidden
	e.be.GroupedGemm(r.gateUp, h, r.token, w.experts, r.ends, stride, 2*width, hidden, true)
	e.be.SwiGLU(r.act, r.gateUp, width)
	e.be.GroupedGemm(r.rows, r.act, nil, w.experts[2*width*hidden:], r.ends, stride, hidden, width, true)
	e.be.Combine(delta, r.rows, r.slot, r.weight, c.NumExpertsPerTok, hidden)
}

// lastRow takes the last token of a prompt, whose keys are in the cache, through the last layer.
func (e *Engine[T]) lastRow(s segment[T]) {
	b, hidden, n, l := &e.buf, e.cfg.HiddenSize, len(s.ids), len(e.layers)-1
	copy(b.x[:hidden], b.x[(n-1)*hidden:n*hidden])
	copy(b.h[:hidden], b.h[(n-1)*hidden:n*hidden])
	b.ids, b.at, b.owner = append(b.ids[:0], s.ids[n-1]), append(b.at[:0], int32(n-1)), append(b.owner[:0], 0)
	b.rstd = b.rstd[:1]
	e.plan.segments[0].ids = s.ids[n-1:]
	e.plan.build(e.shape, e.plan.segments)
	e.attention(l, 1)
	e.addNorm(e.layers[l].postNorm)
	e.feedForward(&e.layers[l], 1)
	e.addNorm(e.norm)
	copy(b.last[s.output*hidden:(s.output+1)*hidden], b.h)
}

// product computes y = x wᵀ for n rows.
func (e *Engine[T]) product(y, x, w []T, n, out, in int) {
	e.be.Gemm(false, true, n, out, in, 1, x, in, w, in, 0, y, out)
}
