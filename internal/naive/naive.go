// Package naive is the model written as plain float64 loops: one forward pass, one token and one
// head at a time, with no tape, no fused kernel and no parallelism. It is slow on purpose. Nothing in
// it is shared with the real implementation, so it serves as the float64 golden reference of
// logits, loss, attention logits and expert load, and as the function under finite differences.
//
// The cost of a pass is about 2 x parameters x tokens floating-point operations at well under
// 1 GFLOP/s: use it with models of some ten thousand parameters.
package naive

import (
	"fmt"

	"muonclip/model"
)

// Result is what one forward pass over a batch of B rows and T positions gives.
type Result struct {
	Logits       []float64   // B*T*V, before the softmax over the vocabulary
	Loss         float64     // CrossEntropy + AuxLoss
	CrossEntropy float64     // mean over the targets that count, natural logarithm; 0 if none counts
	AuxLoss      float64     // sequence-wise auxiliary loss, summed over the MoE layers; 0 when the config has none
	MaxLogit     [][]float64 // layer x head: largest scaled, unmasked softmax input of the batch
	ExpertLoad   [][]int     // MoE layer x expert: tokens that chose the expert
	Routes       Routes      // the experts that every token chose
}

// Routes are the chosen experts as [MoE layer][token][rank], tokens in row-major order of the
// batch and ranks by falling score. Only the MoE layers are counted, the first of them is index 0.
type Routes [][][]int

// Forward runs the model over ids, rows of T+1 token ids each: position t reads ids[t] and
// predicts ids[t+1]. A negative id is padding: as an input it stands for token 0, as a target it
// carries no loss. Rotary positions are 0..T-1 in every row. docStart, if not nil, has T entries a row:
// position t attends to positions docStart[t]..t of its row. Weights are row-major and carry their
// Hugging Face names; Params lists them.
func Forward(cfg model.Config, w map[string][]float64, ids [][]int32, docStart [][]int32) (*Result, error) {
	return ForwardRouted(cfg, w, ids, docStart, nil)
}

// ForwardRouted is Forward with the choice of experts given instead of computed, as from an earlier
// Result; nil routes are computed. With the choice held fixed the loss is a smooth function of
// the weights, which finite differences need.
func ForwardRouted(cfg model.Config, w map[string][]float64, ids [][]int32, docStart [][]int32, routes Routes) (*Result, error) {
	if err := CheckInput(cfg, w, ids, docStart); err != nil {
		return nil, fmt.Errorf("naive: %w", err)
	}
	p := newPass(cfg, w, ids, docStart, routes)
	if err := p.checkRoutes(); err != nil {
		return nil, fmt.Errorf("naive: %w", err)
	}
	p.run(ids)
	return p.res, nil
}

// pass is the state of one forward pass.
type pass struct {
	cfg        model.Config
	w          map[string][]float64
	docStart   [][]int32
	routes     Routes
	rows, cols int
	cos, sin   [][]float64 // position x pair
	res        *Result
}

// newPass prepares a pass over input that CheckInput has accepted.
func newPass(cfg model.Config, w map[string][]float64, ids, docStart [][]int32, routes Routes) *pass {
	p := &pass{cfg: cfg, w: w, docStart: docStart, routes: routes, rows: len(ids), cols: len(ids[0]) - 1, res: &Result{}}
	p.cos, p.sin = RopeTable(cfg, p.cols)
	return p
}

func (p *pass) run(ids [][]int32) {
	h, n := p.cfg.HiddenSize, p.rows*p.cols
	embed := p.w["model.embed_tokens.weight"]
	x := make([]float64, n*h)
	for b, row := range ids {
		for t := range p.cols {
			id := int(max(row[t], 0))
			copy(x[(b*p.cols+t)*h:][:h], embed[id*h:][:h])
		}
	}
	for l := range p.cfg.NumHiddenLayers {
		pre := fmt.Sprintf("model.layers.%d.", l)
		add(x, p.attention(pre, p.norm(x, pre+"input_layernorm.weight")))
		y := p.norm(x, pre+"post_attention_layernorm.weight")
		if p.cfg.IsMoE(l) {
			add(x, p.experts(pre+"mlp.", y))
		} else {
			add(x, p.feedForward(pre+"mlp.", y, p.cfg.IntermediateSize))
		}
	}
	x = p.norm(x, "model.norm.weight")
	head := "lm_head.weight"
	if p.cfg.TieWordEmbeddings {
		head = "model.embed_tokens.weight"
	}
	p.res.Logits = p.linear(x, head, h, p.cfg.VocabSize)
	p.res.CrossEntropy = crossEntropy(p.res.Logits, p.cfg.VocabSize, ids)
	p.res.Loss = p.res.CrossEntropy + p.res.AuxLoss
}

// linear gives y[n,out] = x[n,in] W^T for the weight W[out,in] of that name.
func (p *pass) linear(x []float64, name string, in, out int) []float64 {
	w := p.w[name]
	n := len(x) / in
	y := make([]float64, n*out)
	for i := range n {
		for o := range out {
			var sum float64
			for j := range in {
				sum += x[i*in+j] * w[o*in+j]
			}
			y[i*out+o] = sum
		}
	}
	return y
}

// norm is RMSNorm over rows as wide as the weight: x / sqrt(mean(x^2) + eps) * w.
func (p *pass) norm(x []float64, name string) []float64 {
	w := p.w[name]
	y := make([]float64, len(x))
	for i := 0; i < len(x); i += len(w) {
		rms := rootMeanSquare(x[i:i+len(w)], p.cfg.RMSNormEps)
		for j := range w {
			y[i+j] = x[i+j] / rms * w[j]
		}
	}
	return y
}

// add does dst += src.
func add(dst, src []float64) {
	for i := range dst {
		dst[i] += src[i]
	}
}
