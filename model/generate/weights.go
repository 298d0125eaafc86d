package generate

import (
	"fmt"
	"slices"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
	"muonclip/model"
)

// layer has the weights of one layer: norms and router bias in place, matrices packed.
type layer[T compute.Float] struct {
	inputNorm, postNorm []T

	qA, qB  *cpu.Packed[T] // qA is nil without q_lora
	qANorm  []T
	kvA     *cpu.Packed[T] // latent attention
	kvANorm []T
	keyUp   []*cpu.Packed[T] // of each head: from a query to a query of latents
	valueUp []*cpu.Packed[T] // of each head: from a latent to a value
	k, v    *cpu.Packed[T]   // grouped-query attention
	qNorm   []T              // of each head; nil without QKNorm
	kNorm   []T
	o       *cpu.Packed[T]

	width        int // of the dense feed-forward, or of the shared experts together; 0 for none
	gateUp, down *cpu.Packed[T]

	router      *cpu.Packed[T] // nil in a dense layer
	bias        []T
	expertsUp   []*cpu.Packed[T] // [gate | up] of each routed expert
	expertsDown []*cpu.Packed[T]
}

// packer packs a model's parameters by name into the matrices of the time before, if any.
type packer[T compute.Float] struct {
	m      *model.Model[T]
	be     *cpu.Backend[T]
	format cpu.Format
}

func (p packer[T]) one(name string) []T { return p.m.Param(name).Value }

func (p packer[T]) matrix(to **cpu.Packed[T], name string) {
	w := p.m.Param(name)
	*to = p.be.Pack(*to, w.Rows, w.Cols, w.Value, w.Cols, 1, p.format)
}

func (p packer[T]) layer(y *layer[T], c model.Config, l int) {
	name := fmt.Sprintf("model.layers.%d.", l)
	y.inputNorm, y.postNorm = p.one(name+"input_layernorm.weight"), p.one(name+"post_attention_layernorm.weight")
	p.attention(y, c, name+"self_attn.")
	name += "mlp."
	if !c.IsMoE(l) {
		p.feedForward(y, c, name, c.IntermediateSize)
		return
	}
	if c.NSharedExperts > 0 {
		p.feedForward(y, c, name+"shared_experts.", c.MoeIntermediateSize*c.NSharedExperts)
	}
	exact := packer[T]{p.m, p.be, cpu.Full} // few weights, whose rounding would choose other experts
	exact.matrix(&y.router, name+"gate.weight")
	y.bias = p.one(name + "gate.e_score_correction_bias")
	p.experts(y, c, name+"experts.")
}

func (p packer[T]) attention(y *layer[T], c model.Config, name string) {
	p.matrix(&y.o, name+"o_proj.weight")
	if c.QKNorm {
		y.qNorm, y.kNorm = p.one(name+"q_norm.weight"), p.one(name+"k_norm.weight")
	}
	if !c.MLA() {
		p.matrix(&y.qB, name+"q_proj.weight")
		p.matrix(&y.k, name+"k_proj.weight")
		p.matrix(&y.v, name+"v_proj.weight")
		return
	}
	if c.QLoraRank > 0 {
		p.matrix(&y.qA, name+"q_a_proj.weight")
		y.qANorm = p.one(name + "q_a_layernorm.weight")
		p.matrix(&y.qB, name+"q_b_proj.weight")
	} else {
		p.matrix(&y.qB, name+"q_proj.weight")
	}
	p.matrix(&y.kvA, name+"kv_a_proj_with_mqa.weight")
	y.kvANorm = p.one(name + "kv_a_layernorm.weight")
	p.absorbed(y, c, p.one(name+"kv_b_proj.weight"))
}

// absorbed packs the parts of kv_b_proj, for each head qk_nope rows for keys and v_head rows for values:
// those of the keys transposed, (W_uk c)·q = c·(W_ukᵀ q).
func (p packer[T]) absorbed(y *layer[T], c model.Config, w []T) {
	rank, nope, v := c.KVLoraRank, c.QKNopeHeadDim, c.VHeadDim
	if y.keyUp == nil {
		y.keyUp, y.valueUp = make([]*cpu.Packed[T], c.NumAttentionHeads), make([]*cpu.Packed[T], c.NumAttentionHeads)
	}
	for h := range c.NumAttentionHeads {
		head := w[h*(nope+v)*rank:]
		y.keyUp[h] = p.be.Pack(y.keyUp[h], rank, nope, head, 1, rank, p.format)
		y.valueUp[h] = p.be.Pack(y.valueUp[h], v, rank, head[nope*rank:], rank, 1, p.format)
	}
}

func (p packer[T]) feedForward(y *layer[T], c model.Config, name string, width int) {
	y.width = width
	y.gateUp = p.be.Pack(y.gateUp, 2*width, c.HiddenSize, p.m.Weights(name+"gate_proj.weight", 2*width*c.HiddenSize), c.HiddenSize, 1, p.format)
	p.matrix(&y.down, name+"down_proj.weight")
}

func (p packer[T]) experts(y *layer[T], c model.Config, name string) {
	width, hidden := c.MoeIntermediateSize, c.HiddenSize
	if y.expertsUp == nil {
		y.expertsUp, y.expertsDown = make([]*cpu.Packed[T], c.NRoutedExperts), make([]*cpu.Packed[T], c.NRoutedExperts)
	}
	w := p.m.Weights(name+"0.gate_proj.weight", c.NRoutedExperts*3*width*hidden)
	for e := range c.NRoutedExperts {
		expert := w[e*3*width*hidden:]
		y.expertsUp[e] = p.be.Pack(y.expertsUp[e], 2*width, hidden, expert, hidden, 1, p.format)
		y.expertsDown[e] = p.be.Pack(y.expertsDown[e], hidden, width, expert[2*width*hidden:], width, 1, p.format)
	}
}

// WeightBytes is the memory of all matrices as they are read, experts included; 0 before the first call.
func (e *Engine[T]) WeightBytes() int64 {
	if e.dev != nil {
		return e.dev.weightBytes()
	}
	if e.head == nil {
		return 0
	}
	total := e.head.Bytes()
	for i := range e.layers {
		y := &e.layers[i]
		list := slices.Concat([]*cpu.Packed[T]{y.qA, y.qB, y.kvA, y.k, y.v, y.o, y.gateUp, y.down, y.router}, y.keyUp, y.valueUp, y.expertsUp, y.expertsDown)
		for _, w := range list {
			if w != nil {
				total += w.Bytes()
			}
		}
	}
	return int64(total)
}
