package model

import (
	"fmt"
	"math"
	"slices"

	"muonclip/internal/compute"
)

// Model is a language model of the K2 family with its weights, gradients, and what its last forward
// passes saw. It is used by one goroutine at a time.
type Model[T compute.Float] struct {
	Config Config
	// Recompute keeps only each layer's input for the backward pass, which runs the layer again. Losses and
	// gradients have the same bits; a step takes about a third longer.
	Recompute bool

	w                 *weights[T]
	layers            []layer[T]
	embed, norm, head *compute.Tensor[T]
	rope              ropeTable[T]
	tape              *compute.Tape[T]
	maxLogit          [][]T // of each layer, parts of maxLogits
	maxLogits         []T
	least             []T             // -Inf for each of maxLogits, on the host
	noLoad            []int32         // zero for each expert, on the host
	scale             []T             // of the step's positions, on the host
	steady            map[pass[T]][]T // losses of the passes that the device may repeat
}

// Input is a set of token sequences of equal length, Rows x Cols ids each.
type Input struct {
	Rows, Cols int
	IDs        []int32
	Targets    []int32 // the token to predict at each position, -1 for none
	DocStart   []int32 // first position within the row that each position attends to; nil for 0
	// Weights multiply each position's loss in the gradient; nil for 1.
	Weights []float32
}

// New builds a model with all weights zero; fill them by Init or through Params.
func New[T compute.Float](cfg Config, be compute.Backend[T]) (*Model[T], error) {
	return build(cfg, be, true)
}

// NewFrozen is New for a model that is used and not trained. It has no memory for gradients, and no Step.
func NewFrozen[T compute.Float](cfg Config, be compute.Backend[T]) (*Model[T], error) {
	return build(cfg, be, false)
}

func build[T compute.Float](cfg Config, be compute.Backend[T], learns bool) (*Model[T], error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	w := newWeights(cfg, be, learns)
	if k, ok := be.(compute.Keeper[T]); ok {
		k.Keep(w.values)
	}
	m := &Model[T]{
		Config: cfg, w: w, tape: compute.NewTape(be), rope: ropeTable[T]{cfg: cfg, be: be},
		embed: w.one("model.embed_tokens.weight"), norm: w.one("model.norm.weight"), steady: map[pass[T]][]T{},
	}
	m.head = m.embed
	if !cfg.TieWordEmbeddings {
		m.head = w.one("lm_head.weight")
	}
	heads := cfg.NumAttentionHeads
	m.maxLogits, m.noLoad = be.Alloc(cfg.NumHiddenLayers*heads), make([]int32, cfg.NRoutedExperts)
	m.least = slices.Repeat([]T{T(math.Inf(-1))}, len(m.maxLogits))
	for l := range cfg.NumHiddenLayers {
		m.layers = append(m.layers, newLayer(cfg, w, be, l))
		m.maxLogit = append(m.maxLogit, m.maxLogits[l*heads:(l+1)*heads:(l+1)*heads])
	}
	m.ResetStats()
	return m, nil
}

// Init draws the weights anew from the seed.
func (m *Model[T]) Init(seed uint64) {
	m.tape.Lend(m.w.values)
	m.w.initialize(seed, m.Config.InitializerRange)
}

// Params lists the weights in the order of Config.Shapes. Like all that gives out the memory of a model, it waits for the
// device; values are the host's until the model runs again or is updated. Gradients take ReadGrads.
func (m *Model[T]) Params() []*Param[T] {
	m.tape.Lend(m.w.values)
	return m.w.params
}

// ReadParams is Params for a host that does not write to the values.
func (m *Model[T]) ReadParams() []*Param[T] {
	m.tape.Host(m.w.values)
	return m.w.params
}

// ReadGrads waits and lets the host read the gradients of Params until the model runs again.
func (m *Model[T]) ReadGrads() { m.tape.Host(m.w.grads) }

// Param returns a weight by its Hugging Face name, or nil.
func (m *Model[T]) Param(name string) *Param[T] {
	if i, ok := m.w.index[name]; ok {
		m.tape.Lend(m.w.params[i].Value)
		return m.w.params[i]
	}
	return nil
}

// Weights views elems elements from the first one of a parameter on, or returns nil where there is no
// such parameter. Parameters lie behind each other in the order of Config.Shapes, so a view may
// take in several, such as [gate | up] or all experts of a layer.
func (m *Model[T]) Weights(name string, elems int) []T {
	at, ok := m.w.offset[name]
	if !ok {
		return nil
	}
	return m.tape.Lend(m.w.values[at : at+elems : at+elems])
}

// Operand names weights for operations of the model's backend alone: elems elements from the first one of a parameter on, or the
// whole parameter where elems is 0; nil where there is no such parameter. Nothing is lent to the host.
func (m *Model[T]) Operand(name string, elems int) []T {
	at, ok := m.w.offset[name]
	if !ok {
		return nil
	}
	if elems == 0 {
		elems = len(m.w.params[m.w.index[name]].Value)
	}
	return m.w.values[at : at+elems : at+elems]
}

// ZeroGrad clears all gradients.
func (m *Model[T]) ZeroGrad() { m.tape.Zero(m.w.grads) }

// Renew declares the gradients void: the next Step overwrites them, which saves a pass over them all.
func (m *Model[T]) Renew() {
	for _, x := range m.w.leaves {
		x.Renew()
	}
}

// ResetStats forgets the largest logits, the expert loads and the auxiliary loss.
func (m *Model[T]) ResetStats() {
	m.tape.Upload(m.maxLogits, m.least)
	for l := range m.layers {
		if moe := m.layers[l].moe; moe != nil {
			m.tape.UploadInts(moe.router.Load, m.noLoad)
			m.tape.Zero(moe.router.AuxLoss)
		}
	}
}

// MaxLogits returns each layer's and head's largest softmax input since ResetStats.
func (m *Model[T]) MaxLogits() [][]T {
	m.tape.Host(m.maxLogits)
	return m.maxLogit
}

// ExpertLoads returns how many tokens each sparse layer sent to each expert since ResetStats.
func (m *Model[T]) ExpertLoads() [][]int32 {
	var loads [][]int32
	for l := range m.layers {
		if moe := m.layers[l].moe; moe != nil {
			loads = append(loads, m.tape.HostInts(moe.router.Load))
		}
	}
	return loads
}

// AuxLoss is the sum of the layers' auxiliary losses since ResetStats.
func (m *Model[T]) AuxLoss() float64 {
	sum := 0.0
	for l := range m.layers {
		if moe := m.layers[l].moe; moe != nil {
			for _, v := range m.tape.Host(moe.router.AuxLoss) {
				sum += float64(v)
			}
		}
	}
	return sum
}

// RouterBiases returns each sparse layer's e_score_correction_bias, to be moved in place.
func (m *Model[T]) RouterBiases() [][]T {
	var biases [][]T
	for l := range m.layers {
		if moe := m.layers[l].moe; moe != nil {
			biases = append(biases, m.tape.Lend(moe.router.Bias))
		}
	}
	return biases
}

// Balance moves each sparse layer's e_score_correction_bias towards an even load of its experts since ResetStats, without
// touching the loss; see compute.Backend.
func (m *Model[T]) Balance(rate float64) {
	for l := range m.layers {
		if moe := m.layers[l].moe; moe != nil {
			m.tape.Balance(moe.router.Bias, moe.router.Load, rate)
		}
	}
}

// Check says what is wrong with an input, if anything.
func (m *Model[T]) Check(in Input) error {
	n := in.Rows * in.Cols
	switch {
	case in.Rows <= 0 || in.Cols <= 0:
		return fmt.Errorf("model: an input of %d sequences of %d tokens is empty", in.Rows, in.Cols)
	case in.Cols > m.Config.MaxPositionEmbeddings:
		return fmt.Errorf("model: a sequence of %d tokens is longer than max_position_embeddings %d", in.Cols, m.Config.MaxPositionEmbeddings)
	case len(in.IDs) != n || in.Targets != nil && len(in.Targets) != n || in.DocStart != nil && len(in.DocStart) != n || in.Weights != nil && len(in.Weights) != n:
		return fmt.Errorf("model: %d ids, %d targets, %d document starts and %d weights for %d sequences of %d tokens", len(in.IDs), len(in.Targets), len(in.DocStart), len(in.Weights), in.Rows, in.Cols)
	}
	for i, id := range in.IDs {
		if id < 0 || int(id) >= m.Config.VocabSize {
			return fmt.Errorf("model: token id %d at sequence %d position %d is outside the vocabulary of %d", id, i/in.Cols, i%in.Cols, m.Config.VocabSize)
		}
	}
	for i, id := range in.Targets {
		if id < -1 || int(id) >= m.Config.VocabSize {
			return fmt.Errorf("model: target id %d at sequence %d position %d is outside the vocabulary of %d", id, i/in.Cols, i%in.Cols, m.Config.VocabSize)
		}
	}
	for i, start := range in.DocStart {
		t := i % in.Cols
		if start < 0 || int(start) > t || t > 0 && start < in.DocStart[i-1] {
			return fmt.Errorf("model: document start %d at sequence %d position %d: want 0 to %d and no less than at the position before", start, i/in.Cols, t, t)
		}
	}
	return nil
}

// Step runs the forward and the backward pass of one micro-batch and adds to the gradients, or overwrites them after Renew. The
// gradient is that of scale times the weighted sum of the losses, plus share times the mean auxiliary loss of
// the sequences, share being the micro-batch's part of the step. It returns each position's loss in
// nats, valid until the next call.
func (m *Model[T]) Step(in Input, scale, share float64) []T { return m.run(in, scale, share, true) }

// Losses runs the forward pass alone and returns each position's loss in nats, valid until the
// next call.
func (m *Model[T]) Losses(in Input) []T { return m.run(in, 0, 0, false) }

// pass is what decides which operations a pass through a model asks for.
type pass[T compute.Float] struct {
	of                                   *Model[T]
	rows, cols, targets, auxiliary       int
	share                                float64
	documents, grad, recompute, addGrads bool
}

func (m *Model[T]) run(in Input, scale, share float64, grad bool) (losses []T) {
	t := m.tape
	if grad && m.w.grads == nil {
		panic("model: Step of a frozen model")
	}
	t.Awake(func() {
		t.Reset()
		t.Grad = grad
		d := m.upload(in, share)
		m.learn(d, in, scale)
		key := pass[T]{m, in.Rows, in.Cols, d.targets.Known, m.auxiliary(), share, in.DocStart != nil, grad, m.Recompute, grad && !m.w.void()}
		work := func() {
			losses = t.HeadLoss(m.hidden(d), m.head, d.targets, d.scale)
			if grad {
				t.Backward()
				for _, x := range m.w.leaves {
					x.Settle(t.Backend)
				}
			}
			m.steady[key] = losses
		}
		if t.Inspect != nil { // which wants to see every operation
			work()
		} else {
			t.Repeat(key, work)
		}
		if losses = m.steady[key]; grad {
			m.w.settled()
		}
		t.Host(losses)
	})
	return losses
}

// auxiliary is how many sequences' auxiliary losses there is room for; more take other memory.
func (m *Model[T]) auxiliary() int {
	if last := m.layers[len(m.layers)-1].moe; last != nil {
		return len(last.router.AuxLoss)
	}
	return 0
}

// input is an Input on the device.
type input[T compute.Float] struct {
	rows, cols    int
	ids, docStart []int32
	targets       compute.Targets
	scale         []T // factor of each position's loss in the gradient
	share         float64
	cos, sin      []T
}

// upload brings the sequences to the device.
func (m *Model[T]) upload(in Input, share float64) *input[T] {
	t := m.tape
	d := &input[T]{rows: in.Rows, cols: in.Cols, share: share, docStart: t.Device(in.DocStart), ids: t.Device(in.IDs)}
	d.cos, d.sin = m.rope.upTo(in.Cols)
	return d
}

// learn brings what is to be predicted to the device, and how much it counts.
func (m *Model[T]) learn(d *input[T], in Input, scale float64) {
	t := m.tape
	d.targets = t.Targets(in.Targets)
	m.scale = m.scale[:0]
	for i := range in.Rows * in.Cols {
		f := T(scale)
		if in.Weights != nil {
			f *= T(in.Weights[i])
		}
		m.scale = append(m.scale, f)
	}
	d.scale = t.Buffer(len(m.scale))
	t.Upload(d.scale, m.scale)
}

// Logits runs the forward pass alone and returns Rows x Cols x vocab_size logits, valid until the
// next call.
func (m *Model[T]) Logits(in Input) []T {
	m.tape.Reset()
	m.tape.Grad = false
	logits := m.tape.Linear(m.hidden(m.upload(in, 0)), m.head)
	return m.tape.Host(logits.Data)
}

// Memory is the number of elements that the tape holds for activations and their gradients.
func (m *Model[T]) Memory() int { return m.tape.Pooled() }

// LiveSet is the largest number of elements that were in use for these at one time.
func (m *Model[T]) LiveSet() int { return m.tape.LiveSet() }

// hidden runs all layers and returns the final normalised states.
func (m *Model[T]) hidden(in *input[T]) *compute.Tensor[T] {
	t := m.tape
	eps := T(m.Config.RMSNormEps)
	t.Layer = -1
	x := t.Embed(m.embed, in.ids)
	if m.Recompute {
		for l := range m.layers {
			t.Layer = l
			x = t.Recompute(x, func(x *compute.Tensor[T]) *compute.Tensor[T] {
				h := t.RMSNorm(x, m.layers[l].inputNorm, eps)
				x, delta := m.layer(l, x, h, in)
				return t.Sum(x, delta)
			})
		}
		t.Layer = -1
		return t.RMSNorm(x, m.norm, eps)
	}
	var delta, h *compute.Tensor[T]
	for l := range m.layers {
		t.Layer = l
		if delta == nil {
			h = t.RMSNorm(x, m.layers[l].inputNorm, eps)
		} else {
			x, h = t.AddRMSNorm(x, delta, m.layers[l].inputNorm, eps)
		}
		x, delta = m.layer(l, x, h, in)
	}
	t.Layer = -1
	_, h = t.AddRMSNorm(x, delta, m.norm, eps)
	return h
}

// layer runs layer l on the residual stream x and its normalised h. What it returns is still to be added up.
func (m *Model[T]) layer(l int, x, h *compute.Tensor[T], in *input[T]) (residual, delta *compute.Tensor[T]) {
	t, c, layer := m.tape, m.Config, &m.layers[l]
	eps := T(c.RMSNormEps)
	delta = layer.attention.forward(t, h, eps, m.shape(in, l))
	x, h = t.AddRMSNorm(x, delta, layer.postNorm, eps)
	if layer.moe != nil && c.SeqAux {
		layer.moe.router.Seq = in.cols
		layer.moe.router.AuxWeight = T(c.AuxLossAlpha * in.share / float64(in.rows))
	}
	return x, layer.feedForward(t, h)
}

func (m *Model[T]) shape(in *input[T], l int) compute.AttentionShape[T] {
	c := m.Config
	s := compute.AttentionShape[T]{
		Batch: in.rows, Seq: in.cols, Heads: c.NumAttentionHeads, Group: 1, Nope: c.QKNopeHeadDim, Rope: c.QKRopeHeadDim, V: c.VHeadDim,
		Scale: T(c.SoftmaxScale()), Cos: in.cos, Sin: in.sin, DocStart: in.docStart, MaxLogit: m.maxLogit[l],
	}
	if !c.MLA() {
		s.Group, s.Nope, s.Rope, s.V, s.RotateHalf = c.NumAttentionHeads/c.KVHeads(), 0, c.HeadDim, c.HeadDim, true
	}
	return s
}

// Inspect sets a function that sees the output of every operation of later passes, and in backward
// passes the gradient that reaches it, with the number of its layer; -1 stands for embedding and
// head. nil turns it off.
func (m *Model[T]) Inspect(see func(op string, layer int, backward bool, data []T)) {
	m.tape.Inspect = see
}
