package naive

import (
	"errors"
	"fmt"

	"muonclip/model"
)

// Param names one weight and gives its shape: (rows, columns), or the one length of a vector.
type Param struct {
	Name  string
	Shape []int
}

// Len is the number of elements.
func (p Param) Len() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Params lists every weight of the model under its Hugging Face deepseek_v3 name, layer by layer.
func Params(cfg model.Config) []Param {
	var ps []Param
	add := func(name string, shape ...int) { ps = append(ps, Param{name, shape}) }
	h, heads := cfg.HiddenSize, cfg.NumAttentionHeads
	feedForward := func(pre string, width int) {
		add(pre+"gate_proj.weight", width, h)
		add(pre+"up_proj.weight", width, h)
		add(pre+"down_proj.weight", h, width)
	}
	add("model.embed_tokens.weight", cfg.VocabSize, h)
	for l := range cfg.NumHiddenLayers {
		pre := fmt.Sprintf("model.layers.%d.", l)
		a, m := pre+"self_attn.", pre+"mlp."
		add(pre+"input_layernorm.weight", h)
		add(pre+"post_attention_layernorm.weight", h)
		if cfg.QKNorm {
			add(a+"q_norm.weight", cfg.QKHeadDim())
			add(a+"k_norm.weight", cfg.QKHeadDim())
		}
		if cfg.MLA() {
			dqk := cfg.QKHeadDim()
			if cfg.QLoraRank > 0 {
				add(a+"q_a_proj.weight", cfg.QLoraRank, h)
				add(a+"q_a_layernorm.weight", cfg.QLoraRank)
				add(a+"q_b_proj.weight", heads*dqk, cfg.QLoraRank)
			} else {
				add(a+"q_proj.weight", heads*dqk, h)
			}
			add(a+"kv_a_proj_with_mqa.weight", cfg.KVLoraRank+cfg.QKRopeHeadDim, h)
			add(a+"kv_a_layernorm.weight", cfg.KVLoraRank)
			add(a+"kv_b_proj.weight", heads*(cfg.QKNopeHeadDim+cfg.VHeadDim), cfg.KVLoraRank)
		} else {
			add(a+"q_proj.weight", heads*cfg.HeadDim, h)
			add(a+"k_proj.weight", cfg.KVHeads()*cfg.HeadDim, h)
			add(a+"v_proj.weight", cfg.KVHeads()*cfg.HeadDim, h)
		}
		add(a+"o_proj.weight", h, heads*cfg.ValueHeadDim())
		if !cfg.IsMoE(l) {
			feedForward(m, cfg.IntermediateSize)
			continue
		}
		add(m+"gate.weight", cfg.NRoutedExperts, h)
		add(m+"gate.e_score_correction_bias", cfg.NRoutedExperts)
		for e := range cfg.NRoutedExperts {
			feedForward(fmt.Sprintf("%sexperts.%d.", m, e), cfg.MoeIntermediateSize)
		}
		if cfg.NSharedExperts > 0 {
			feedForward(m+"shared_experts.", cfg.MoeIntermediateSize*cfg.NSharedExperts)
		}
	}
	add("model.norm.weight", h)
	if !cfg.TieWordEmbeddings {
		add("lm_head.weight", cfg.VocabSize, h)
	}
	return ps
}

// CheckInput reports what is wrong with the arguments of a pass: the config, missing weights or
// weights of another size, ragged or empty rows, ids outside the vocabulary, document starts after their position.
func CheckInput(cfg model.Config, w map[string][]float64, ids [][]int32, docStart [][]int32) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	var errs []error
	for _, p := range Params(cfg) {
		if got, ok := w[p.Name]; !ok {
			errs = append(errs, fmt.Errorf("weight %s is missing", p.Name))
		} else if len(got) != p.Len() {
			errs = append(errs, fmt.Errorf("weight %s has %d elements, want %d for shape %v", p.Name, len(got), p.Len(), p.Shape))
		}
	}
	if len(ids) == 0 || len(ids[0]) < 2 {
		return errors.Join(append(errs, errors.New("ids need at least one row of at least two tokens"))...)
	}
	if docStart != nil && len(docStart) != len(ids) {
		return errors.Join(append(errs, fmt.Errorf("document starts have %d rows, ids have %d", len(docStart), len(ids)))...)
	}
	cols := len(ids[0]) - 1
	for b, row := range ids {
		if len(row) != cols+1 {
			errs = append(errs, fmt.Errorf("row %d has %d ids, row 0 has %d", b, len(row), cols+1))
		}
		for t, id := range row {
			if int(id) >= cfg.VocabSize {
				errs = append(errs, fmt.Errorf("row %d, position %d: token %d is outside the vocabulary of %d", b, t, id, cfg.VocabSize))
			}
		}
		if docStart == nil {
			continue
		}
		if len(docStart[b]) != cols {
			errs = append(errs, fmt.Errorf("row %d has %d document starts, want %d", b, len(docStart[b]), cols))
		}
		for t, s := range docStart[b] {
			if s < 0 || int(s) > t {
				errs = append(errs, fmt.Errorf("row %d, position %d: document start %d is not in 0..%d", b, t, s, t))
			}
		}
	}
	return errors.Join(errs...)
}

// checkRoutes makes sure that routes given by the caller fit the batch.
func (p *pass) checkRoutes() error {
	if p.routes == nil {
		return nil
	}
	layers := 0
	for l := range p.cfg.NumHiddenLayers {
		if p.cfg.IsMoE(l) {
			layers++
		}
	}
	if len(p.routes) != layers {
		return fmt.Errorf("routes for %d MoE layers, the model has %d", len(p.routes), layers)
	}
	for l, tokens := range p.routes {
		if len(tokens) != p.rows*p.cols {
			return fmt.Errorf("routes of MoE layer %d for %d tokens, the batch has %d", l, len(tokens), p.rows*p.cols)
		}
		for t, chosen := range tokens {
			for _, e := range chosen {
				if e < 0 || e >= p.cfg.NRoutedExperts {
					return fmt.Errorf("routes of MoE layer %d, token %d: expert %d is not in 0..%d", l, t, e, p.cfg.NRoutedExperts-1)
				}
			}
		}
	}
	return nil
}
