package model

import (
	"fmt"

	"muonclip/internal/compute"
)

type layer[T compute.Float] struct {
	inputNorm, postNorm *compute.Tensor[T]
	attention           attention[T]
	ffn                 *ffn[T] // dense layer, or the shared experts of a sparse one
	moe                 *moe[T]
}

// attention is multi-head latent attention, or grouped-query attention where k is set.
type attention[T compute.Float] struct {
	qA, qANorm, qB    *compute.Tensor[T] // qA and qANorm are nil without q_lora
	kvA, kvANorm, kvB *compute.Tensor[T]
	k, v              *compute.Tensor[T]
	o                 *compute.Tensor[T]
	qNorm, kNorm      *compute.Tensor[T] // of every head; nil without QKNorm
}

type ffn[T compute.Float] struct{ gateUp, down *compute.Tensor[T] }

type moe[T compute.Float] struct {
	experts *compute.Tensor[T] // [gate | up | down] of all experts
	router  compute.Router[T]
}

func newLayer[T compute.Float](cfg Config, w *weights[T], be compute.Backend[T], l int) layer[T] {
	p := fmt.Sprintf("model.layers.%d.", l)
	y := layer[T]{inputNorm: w.one(p + "input_layernorm.weight"), postNorm: w.one(p + "post_attention_layernorm.weight")}
	y.attention = newAttention(cfg, w, p+"self_attn.")
	if !cfg.IsMoE(l) {
		y.ffn = newFFN(cfg, w, p+"mlp.", cfg.IntermediateSize)
		return y
	}
	p += "mlp."
	if cfg.NSharedExperts > 0 {
		y.ffn = newFFN(cfg, w, p+"shared_experts.", cfg.MoeIntermediateSize*cfg.NSharedExperts)
	}
	y.moe = &moe[T]{
		experts: w.matrix(p+"experts.0.gate_proj.weight", cfg.NRoutedExperts*3*cfg.MoeIntermediateSize, cfg.HiddenSize),
		router: compute.Router[T]{
			Gate: w.one(p + "gate.weight"), Bias: w.one(p + "gate.e_score_correction_bias").Data,
			TopK: cfg.NumExpertsPerTok, Norm: cfg.NormTopkProb, Scale: T(cfg.RoutedScalingFactor), Load: be.AllocInts(cfg.NRoutedExperts),
		},
	}
	return y
}

func newAttention[T compute.Float](cfg Config, w *weights[T], p string) attention[T] {
	a := attention[T]{o: w.one(p + "o_proj.weight")}
	if cfg.QKNorm {
		a.qNorm, a.kNorm = w.one(p+"q_norm.weight"), w.one(p+"k_norm.weight")
	}
	if !cfg.MLA() {
		a.qB, a.k, a.v = w.one(p+"q_proj.weight"), w.one(p+"k_proj.weight"), w.one(p+"v_proj.weight")
		return a
	}
	if cfg.QLoraRank > 0 {
		a.qA, a.qANorm, a.qB = w.one(p+"q_a_proj.weight"), w.one(p+"q_a_layernorm.weight"), w.one(p+"q_b_proj.weight")
	} else {
		a.qB = w.one(p + "q_proj.weight")
	}
	a.kvA, a.kvANorm, a.kvB = w.one(p+"kv_a_proj_with_mqa.weight"), w.one(p+"kv_a_layernorm.weight"), w.one(p+"kv_b_proj.weight")
	return a
}

func newFFN[T compute.Float](cfg Config, w *weights[T], p string, width int) *ffn[T] {
	return &ffn[T]{gateUp: w.matrix(p+"gate_proj.weight", 2*width, cfg.HiddenSize), down: w.one(p + "down_proj.weight")}
}

func (a *attention[T]) forward(t *compute.Tape[T], x *compute.Tensor[T], eps T, s compute.AttentionShape[T]) *compute.Tensor[T] {
	q := x
	if a.qA != nil {
		q = t.RMSNorm(t.Linear(x, a.qA), a.qANorm, eps)
	}
	q = t.Linear(q, a.qB)
	if a.qNorm != nil {
		q = t.HeadNorm(q, a.qNorm, eps)
	}
	if a.k != nil {
		k := t.Linear(x, a.k)
		if a.kNorm != nil {
			k = t.HeadNorm(k, a.kNorm, eps)
		}
		return t.Linear(t.GroupedAttention(q, k, t.Linear(x, a.v), s), a.o)
	}
	kvA := t.Linear(x, a.kvA)
	kv := t.Linear(t.RMSNorm(kvA, a.kvANorm, eps), a.kvB)
	if a.kNorm == nil {
		return t.Linear(t.LatentAttention(q, kv, kvA, s), a.o)
	}
	k := t.HeadNorm(t.LatentKeys(kv, kvA, s), a.kNorm, eps)
	return t.Linear(t.KeyedAttention(q, k, kv, s), a.o)
}

func (l *layer[T]) feedForward(t *compute.Tape[T], x *compute.Tensor[T]) *compute.Tensor[T] {
	var y *compute.Tensor[T]
	if l.ffn != nil {
		y = t.FFN(x, l.ffn.gateUp, l.ffn.down)
	} else {
		y = t.Zeros(x.Rows, x.Cols)
	}
	if l.moe == nil {
		return y
	}
	return t.MoE(x, y, l.moe.experts, l.moe.experts.Rows/l.moe.router.Gate.Rows/3, &l.moe.router)
}
