package generate

import (
	"fmt"

	"muonclip/internal/compute"
	"muonclip/model"
)

// layer views the weights of one layer, each out x in as stored.
type layer[T compute.Float] struct {
	inputNorm, postNorm []T

	qA, qANorm, qB    []T // qA and qANorm are nil without q_lora
	kvA, kvANorm, kvB []T // latent attention
	k, v              []T // grouped-query attention
	o                 []T

	width        int // of the dense feed-forward, or of the shared experts together; 0 for none
	gateUp, down []T

	router, bias []T // nil in a dense layer
	experts      []T // [gate | up | down] of all routed experts
}

// weights views a model's parameters by name.
type weights[T compute.Float] struct{ m *model.Model[T] }

func (w weights[T]) one(name string) []T { return w.m.Param(name).Value }

func (w weights[T]) layer(c model.Config, l int) layer[T] {
	p := fmt.Sprintf("model.layers.%d.", l)
	y := layer[T]{inputNorm: w.one(p + "input_layernorm.weight"), postNorm: w.one(p + "post_attention_layernorm.weight")}
	w.attention(&y, c, p+"self_attn.")
	p += "mlp."
	if !c.IsMoE(l) {
		w.feedForward(&y, c, p, c.IntermediateSize)
		return y
	}
	if c.NSharedExperts > 0 {
		w.feedForward(&y, c, p+"shared_experts.", c.MoeIntermediateSize*c.NSharedExperts)
	}
	y.router, y.bias = w.one(p+"gate.weight"), w.one(p+"gate.e_score_correction_bias")
	y.experts = w.m.Weights(p+"experts.0.gate_proj.weight", c.NRoutedExperts*3*c.MoeIntermediateSize*c.HiddenSize)
	return y
}

func (w weights[T]) attention(y *layer[T], c model.Config, p string) {
	y.o = w.one(p + "o_proj.weight")
	if !c.MLA() {
		y.qB, y.k, y.v = w.one(p+"q_proj.weight"), w.one(p+"k_proj.weight"), w.one(p+"v_proj.weight")
		return
	}
	if c.QLoraRank > 0 {
		y.qA, y.qANorm, y.qB = w.one(p+"q_a_proj.weight"), w.one(p+"q_a_layernorm.weight"), w.one(p+"q_b_proj.weight")
	} else {
		y.qB = w.one(p + "q_proj.weight")
	}
	y.kvA, y.kvANorm, y.kvB = w.one(p+"kv_a_proj_with_mqa.weight"), w.one(p+"kv_a_layernorm.weight"), w.one(p+"kv_b_proj.weight")
}

func (w weights[T]) feedForward(y *layer[T], c model.Config, p string, width int) {
	y.width = width
	y.gateUp, y.down = w.m.Weights(p+"gate_proj.weight", 2*width*c.HiddenSize), w.one(p+"down_proj.weight")
}
