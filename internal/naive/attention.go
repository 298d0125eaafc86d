package naive

import "math"

// attention is the attention block of one layer over x[n,hidden], without the residual. pre ends with
// the layer's dot.
func (p *pass) attention(pre string, x []float64) []float64 {
	a := pre + "self_attn."
	var q, k, v []float64 // token x head x element; k and v already repeated for every query head
	if p.cfg.MLA() {
		q, k, v = p.latentQKV(a, x)
	} else {
		q, k, v = p.groupedQKV(a, x)
	}
	heads, dv := p.cfg.NumAttentionHeads, p.cfg.ValueHeadDim()
	out := make([]float64, len(x)/p.cfg.HiddenSize*heads*dv)
	maxLogit := make([]float64, heads)
	for head := range heads {
		maxLogit[head] = math.Inf(-1)
		for b := range p.rows {
			for t := range p.cols {
				maxLogit[head] = math.Max(maxLogit[head], p.attend(out, q, k, v, head, b, t))
			}
		}
	}
	p.res.MaxLogit = append(p.res.MaxLogit, maxLogit)
	return p.linear(out, a+"o_proj.weight", heads*dv, p.cfg.HiddenSize)
}

// attend writes the mix of values of one position of one head, softmax(q.k * scale) v, and gives its
// largest softmax input.
func (p *pass) attend(out, q, k, v []float64, head, b, t int) (top float64) {
	heads, dqk, dv := p.cfg.NumAttentionHeads, p.cfg.QKHeadDim(), p.cfg.ValueHeadDim()
	first := 0
	if p.docStart != nil {
		first = int(p.docStart[b][t])
	}
	scale := AttentionScale(p.cfg)
	query := q[((b*p.cols+t)*heads+head)*dqk:][:dqk]
	scores := make([]float64, 0, t+1-first)
	for s := first; s <= t; s++ {
		key := k[((b*p.cols+s)*heads+head)*dqk:][:dqk]
		var dot float64
		for i := range dqk {
			dot += query[i] * key[i]
		}
		scores = append(scores, dot*scale)
	}
	norm := logSumExp(scores)
	mix := out[((b*p.cols+t)*heads+head)*dv:][:dv]
	top = math.Inf(-1)
	for i, score := range scores {
		top = math.Max(top, score)
		weight := math.Exp(score - norm)
		value := v[((b*p.cols+first+i)*heads+head)*dv:][:dv]
		for j := range dv {
			mix[j] += weight * value[j]
		}
	}
	return top
}

// latentQKV builds queries, keys and values of multi-head latent attention (DeepSeek-V2,
// arXiv 2405.04434, section 2.1). Each head's query and key are [nope | rope]; the rope part of the
// key is one vector for all heads.
func (p *pass) latentQKV(a string, x []float64) (q, k, v []float64) {
	c := p.cfg
	heads, dn, dr, dv, rank := c.NumAttentionHeads, c.QKNopeHeadDim, c.QKRopeHeadDim, c.VHeadDim, c.KVLoraRank
	n, dqk := len(x)/c.HiddenSize, dn+dr
	if c.QLoraRank > 0 {
		latent := p.norm(p.linear(x, a+"q_a_proj.weight", c.HiddenSize, c.QLoraRank), a+"q_a_layernorm.weight")
		q = p.linear(latent, a+"q_b_proj.weight", c.QLoraRank, heads*dqk)
	} else {
		q = p.linear(x, a+"q_proj.weight", c.HiddenSize, heads*dqk)
	}
	kva := p.linear(x, a+"kv_a_proj_with_mqa.weight", c.HiddenSize, rank+dr)
	latent, sharedKey := make([]float64, n*rank), make([]float64, n*dr)
	for i := range n {
		copy(latent[i*rank:][:rank], kva[i*(rank+dr):])
		copy(sharedKey[i*dr:][:dr], kva[i*(rank+dr)+rank:])
	}
	kvb := p.linear(p.norm(latent, a+"kv_a_layernorm.weight"), a+"kv_b_proj.weight", rank, heads*(dn+dv))
	k, v = make([]float64, n*heads*dqk), make([]float64, n*heads*dv)
	for i := range n {
		for head := range heads {
			j := i*heads + head
			copy(k[j*dqk:][:dn], kvb[j*(dn+dv):])
			copy(k[j*dqk+dn:][:dr], sharedKey[i*dr:])
			copy(v[j*dv:][:dv], kvb[j*(dn+dv)+dn:])
		}
	}
	q, k = p.normHeads(a, q, k)
	for j := range n * heads {
		t := j / heads % p.cols
		p.rotateInterleaved(q[j*dqk+dn:][:dr], t)
		p.rotateInterleaved(k[j*dqk+dn:][:dr], t)
	}
	return q, k, v
}

// groupedQKV builds queries, keys and values of grouped-query attention as in Llama: query head i uses
// key and value head i / (heads per group), and RoPE turns the whole head.
func (p *pass) groupedQKV(a string, x []float64) (q, k, v []float64) {
	c := p.cfg
	heads, kvHeads, d := c.NumAttentionHeads, c.KVHeads(), c.HeadDim
	n, group := len(x)/c.HiddenSize, heads/kvHeads
	q = p.linear(x, a+"q_proj.weight", c.HiddenSize, heads*d)
	fewK := p.linear(x, a+"k_proj.weight", c.HiddenSize, kvHeads*d)
	fewV := p.linear(x, a+"v_proj.weight", c.HiddenSize, kvHeads*d)
	q, fewK = p.normHeads(a, q, fewK)
	for i := range n {
		for head := range heads {
			p.rotateHalves(q[(i*heads+head)*d:][:d], i%p.cols)
		}
		for head := range kvHeads {
			p.rotateHalves(fewK[(i*kvHeads+head)*d:][:d], i%p.cols)
		}
	}
	k, v = make([]float64, n*heads*d), make([]float64, n*heads*d)
	for i := range n {
		for head := range heads {
			from := (i*kvHeads + head/group) * d
			copy(k[(i*heads+head)*d:][:d], fewK[from:])
			copy(v[(i*heads+head)*d:][:d], fewV[from:])
		}
	}
	return q, k, v
}

// normHeads is RMSNorm over each head of queries and keys, before they are rotated, where the config asks for it.
func (p *pass) normHeads(a string, q, k []float64) ([]float64, []float64) {
	if !p.cfg.QKNorm {
		return q, k
	}
	return p.norm(q, a+"q_norm.weight"), p.norm(k, a+"k_norm.weight")
}

// rotateInterleaved turns the pairs (2i, 2i+1) of x in place by the angles of position t.
func (p *pass) rotateInterleaved(x []float64, t int) {
	for i := range len(x) / 2 {
		x[2*i], x[2*i+1] = p.turn(x[2*i], x[2*i+1], t, i)
	}
}

// rotateHalves turns the pairs (i, i+d/2) of x in place by the angles of position t.
func (p *pass) rotateHalves(x []float64, t int) {
	half := len(x) / 2
	for i := range half {
		x[i], x[half+i] = p.turn(x[i], x[half+i], t, i)
	}
}

func (p *pass) turn(a, b float64, t, i int) (float64, float64) {
	cos, sin := p.cos[t][i], p.sin[t][i]
	return a*cos - b*sin, a*sin + b*cos
}
