package model

import "fmt"

// Kinds of parameters, as reports group them. The names of these constants are the values of
// ParamShape.Kind and optim.Param.Kind.
const (
	KindEmbedding    = "embedding"     // model.embed_tokens
	KindAttention    = "attention"     // every projection of self_attn
	KindRouter       = "router"        // mlp.gate and its correction bias
	KindExpert       = "expert"        // routed experts
	KindSharedExpert = "shared_expert" // the shared experts, stored as one wide feed-forward
	KindDense        = "dense"         // feed-forward of a layer without experts
	KindNorm         = "norm"          // RMSNorm gains
	KindHead         = "head"          // lm_head
)

// Kinds lists every parameter kind in the order in which reports show them.
func Kinds() []string {
	return []string{KindEmbedding, KindAttention, KindRouter, KindExpert, KindSharedExpert, KindDense, KindNorm, KindHead}
}

// ParamShape describes one stored parameter.
type ParamShape struct {
	Name    string // Hugging Face deepseek_v3 name
	Rows    int    // output features, or the length of a vector
	Cols    int    // input features, 0 for a vector
	Kind    string // one of Kinds
	Muon    bool   // updated by Muon, else by AdamW
	Trained bool   // has a gradient; false only for e_score_correction_bias, which the balancing rule moves
}

// Elems is the number of elements.
func (p ParamShape) Elems() int64 {
	if p.Cols == 0 {
		return int64(p.Rows)
	}
	return int64(p.Rows) * int64(p.Cols)
}

// Shape is the stored shape: [rows, cols], or [rows] for a vector.
func (p ParamShape) Shape() []int {
	if p.Cols == 0 {
		return []int{p.Rows}
	}
	return []int{p.Rows, p.Cols}
}

// Shapes lists every parameter of the model. The order is fixed and follows the computation:
// model.embed_tokens; for each layer input_layernorm, self_attn, post_attention_layernorm, mlp
// (the router, its bias, the routed experts by number, the shared experts); model.norm; lm_head
// unless it is tied. Names and row layouts are those of transformers' deepseek_v3; layers with
// grouped-query attention use the Llama names q_proj, k_proj, v_proj, o_proj. With QKNorm the norms of heads
// have Qwen3's names q_norm and k_norm.
func (c Config) Shapes() []ParamShape {
	s := make(shapeList, 0, c.paramCount())
	s.vocab("model.embed_tokens.weight", c, KindEmbedding)
	for l := range c.NumHiddenLayers {
		p := fmt.Sprintf("model.layers.%d.", l)
		s.vector(p+"input_layernorm.weight", c.HiddenSize, KindNorm)
		s.attention(p+"self_attn.", c)
		s.vector(p+"post_attention_layernorm.weight", c.HiddenSize, KindNorm)
		if c.IsMoE(l) {
			s.experts(p+"mlp.", c)
		} else {
			s.feedForward(p+"mlp.", c.HiddenSize, c.IntermediateSize, KindDense)
		}
	}
	s.vector("model.norm.weight", c.HiddenSize, KindNorm)
	if !c.TieWordEmbeddings {
		s.vocab("lm_head.weight", c, KindHead)
	}
	return s
}

type shapeList []ParamShape

func (s *shapeList) add(p ParamShape) { *s = append(*s, p) }

func (s *shapeList) vocab(name string, c Config, kind string) {
	s.add(ParamShape{Name: name, Rows: c.VocabSize, Cols: c.HiddenSize, Kind: kind, Trained: true})
}

func (s *shapeList) matrix(name string, rows, cols int, kind string) {
	s.add(ParamShape{Name: name, Rows: rows, Cols: cols, Kind: kind, Muon: true, Trained: true})
}

func (s *shapeList) vector(name string, n int, kind string) {
	s.add(ParamShape{Name: name, Rows: n, Kind: kind, Trained: true})
}

// attention adds one layer's attention. With MLA a head's rows of the query projection are
// [nope | rope] and a head's rows of kv_b_proj are [k_nope | v].
func (s *shapeList) attention(p string, c Config) {
	h, heads := c.HiddenSize, c.NumAttentionHeads
	if c.QKNorm {
		s.vector(p+"q_norm.weight", c.QKHeadDim(), KindNorm)
		s.vector(p+"k_norm.weight", c.QKHeadDim(), KindNorm)
	}
	if !c.MLA() {
		kv := c.KVHeads() * c.HeadDim
		s.matrix(p+"q_proj.weight", heads*c.HeadDim, h, KindAttention)
		s.matrix(p+"k_proj.weight", kv, h, KindAttention)
		s.matrix(p+"v_proj.weight", kv, h, KindAttention)
		s.matrix(p+"o_proj.weight", h, heads*c.HeadDim, KindAttention)
		return
	}
	if c.QLoraRank > 0 {
		s.matrix(p+"q_a_proj.weight", c.QLoraRank, h, KindAttention)
		s.vector(p+"q_a_layernorm.weight", c.QLoraRank, KindNorm)
		s.matrix(p+"q_b_proj.weight", heads*c.QKHeadDim(), c.QLoraRank, KindAttention)
	} else {
		s.matrix(p+"q_proj.weight", heads*c.QKHeadDim(), h, KindAttention)
	}
	s.matrix(p+"kv_a_proj_with_mqa.weight", c.KVLoraRank+c.QKRopeHeadDim, h, KindAttention)
	s.vector(p+"kv_a_layernorm.weight", c.KVLoraRank, KindNorm)
	s.matrix(p+"kv_b_proj.weight", heads*(c.QKNopeHeadDim+c.VHeadDim), c.KVLoraRank, KindAttention)
	s.matrix(p+"o_proj.weight", h, heads*c.VHeadDim, KindAttention)
}

func (s *shapeList) experts(p string, c Config) {
	s.matrix(p+"gate.weight", c.NRoutedExperts, c.HiddenSize, KindRouter)
	s.add(ParamShape{Name: p + "gate.e_score_correction_bias", Rows: c.NRoutedExperts, Kind: KindRouter})
	for e := range c.NRoutedExperts {
		s.feedForward(fmt.Sprintf("%sexperts.%d.", p, e), c.HiddenSize, c.MoeIntermediateSize, KindExpert)
	}
	if c.NSharedExperts > 0 {
		s.feedForward(p+"shared_experts.", c.HiddenSize, c.NSharedExperts*c.MoeIntermediateSize, KindSharedExpert)
	}
}

func (s *shapeList) feedForward(p string, hidden, width int, kind string) {
	s.matrix(p+"gate_proj.weight", width, hidden, kind)
	s.matrix(p+"up_proj.weight", width, hidden, kind)
	s.matrix(p+"down_proj.weight", hidden, width, kind)
}

// paramCount is an upper bound on the length of Shapes, so that the list is allocated once.
func (c Config) paramCount() int {
	return 3 + c.NumHiddenLayers*(16+3*c.NRoutedExperts)
}

// PartSize is the number of parameters of one kind.
type PartSize struct {
	Kind      string `json:"kind"`
	Total     int64  `json:"total"`
	Activated int64  `json:"activated"` // used for one token: num_experts_per_tok of the routed experts, all of the rest
}

// Size counts a model's parameters. Published figures follow two conventions, so both are given:
// Total and Activated count the embedding table and the head (Kimi K2 and Moonlight-16B-A3B by
// name), the Core fields leave both out (Moonlight's published 15.29B and 2.24B). A tied table is
// counted once, as an embedding.
type Size struct {
	Parts         []PartSize `json:"parts"` // in the order of Kinds, kinds without parameters left out
	Total         int64      `json:"total"`
	Activated     int64      `json:"activated"`
	CoreTotal     int64      `json:"core_total"`     // without embedding and head
	CoreActivated int64      `json:"core_activated"` // without embedding and head
}

// Part returns the counts of one kind, zero when the model has none of it.
func (s Size) Part(kind string) PartSize {
	for _, p := range s.Parts {
		if p.Kind == kind {
			return p
		}
	}
	return PartSize{Kind: kind}
}

// Size counts the parameters by part. An expert's share of the activated parameters is exact
// because all experts have one shape.
func (c Config) Size() Size {
	total := map[string]int64{}
	for _, p := range c.Shapes() {
		total[p.Kind] += p.Elems()
	}
	var s Size
	for _, kind := range Kinds() {
		n := total[kind]
		if n == 0 {
			continue
		}
		part := PartSize{Kind: kind, Total: n, Activated: n}
		if kind == KindExpert {
			part.Activated = n / int64(c.NRoutedExperts) * int64(c.NumExpertsPerTok)
		}
		s.Parts = append(s.Parts, part)
		s.Total += part.Total
		s.Activated += part.Activated
		if kind != KindEmbedding && kind != KindHead {
			s.CoreTotal += part.Total
			s.CoreActivated += part.Activated
		}
	}
	return s
}
