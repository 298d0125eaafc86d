//go:build !cuda

package referee

import (
	G "gorgonia.org/gorgonia"

	"muonclip/internal/naive"
)

// masked is added to the softmax inputs that a position may not see: exp(masked) is exactly 0.
const masked = -1e9

// attention is the attention block of one layer, one head after the other.
func (b *builder) attention(a string, x *G.Node) *G.Node {
	c := b.cfg
	dv := c.ValueHeadDim()
	mask := b.mask()
	scale := b.filled(b.n, b.n, naive.AttentionScale(c))
	heads := b.groupedHeads
	if c.MLA() {
		heads = b.latentHeads
	}
	head := heads(a, x)
	weight := b.leaf(a+"o_proj.weight", c.HiddenSize, c.NumAttentionHeads*dv)
	var out *G.Node
	for h := range c.NumAttentionHeads {
		q, k, v := head(h)
		scores := plus(times(mul(q, transpose(k)), scale), mask)
		mixed := mul(must(G.SoftMax(scores, 1)), v)
		// Side by side times o_proj is the sum over heads of each head times its columns of o_proj.
		part := mul(mixed, transpose(b.columns(weight, h*dv, dv)))
		if out == nil {
			out = part
		} else {
			out = plus(out, part)
		}
	}
	return out
}

// mask lets a token see the tokens of its own row from the start of its document up to itself.
func (b *builder) mask() *G.Node {
	return b.constant(b.n, b.n, func(i, j int) float64 {
		t, s, start := i%b.cols, j%b.cols, 0
		if b.docStart != nil {
			start = int(b.docStart[i/b.cols][t])
		}
		if i/b.cols == j/b.cols && start <= s && s <= t {
			return 0
		}
		return masked
	})
}

// latentHeads gives query, key and value of each head of multi-head latent attention.
func (b *builder) latentHeads(a string, x *G.Node) func(h int) (q, k, v *G.Node) {
	c := b.cfg
	dn, dr, dv, rank := c.QKNopeHeadDim, c.QKRopeHeadDim, c.VHeadDim, c.KVLoraRank
	heads, dqk := c.NumAttentionHeads, dn+dr
	var q *G.Node
	if c.QLoraRank > 0 {
		latent := b.norm(b.linear(x, a+"q_a_proj.weight", c.QLoraRank), a+"q_a_layernorm.weight")
		q = b.linear(latent, a+"q_b_proj.weight", heads*dqk)
	} else {
		q = b.linear(x, a+"q_proj.weight", heads*dqk)
	}
	kva := b.linear(x, a+"kv_a_proj_with_mqa.weight", rank+dr)
	kvb := b.linear(b.norm(b.columns(kva, 0, rank), a+"kv_a_layernorm.weight"), a+"kv_b_proj.weight", heads*(dn+dv))
	// Within a head the rotated part comes last: [nope | rope], pairs of neighbours.
	turn := b.rotation(dn, dr, func(i int) (int, int) { return 2 * i, 2*i + 1 })
	// The key of a head is its own nope part and the rope part that all heads share, each put in its
	// place by a 0/1 matrix.
	sharedKey := mul(kva, b.constant(rank+dr, dqk, func(i, j int) float64 { return truth(i >= rank && i-rank+dn == j) }))
	return func(h int) (*G.Node, *G.Node, *G.Node) {
		from := h * (dn + dv)
		nope := mul(kvb, b.constant(heads*(dn+dv), dqk, func(i, j int) float64 { return truth(i == from+j && j < dn) }))
		query, key := b.normHead(a, b.columns(q, h*dqk, dqk), plus(nope, sharedKey))
		return turn(query), turn(key), b.columns(kvb, from+dn, dv)
	}
}

// groupedHeads gives query, key and value of each head of grouped-query attention.
func (b *builder) groupedHeads(a string, x *G.Node) func(h int) (q, k, v *G.Node) {
	c := b.cfg
	d := c.HeadDim
	allQ := b.linear(x, a+"q_proj.weight", c.NumAttentionHeads*d)
	allK := b.linear(x, a+"k_proj.weight", c.KVHeads()*d)
	allV := b.linear(x, a+"v_proj.weight", c.KVHeads()*d)
	// The whole head is rotated, pairs of one element from each half.
	turn := b.rotation(0, d, func(i int) (int, int) { return i, i + d/2 })
	return func(h int) (*G.Node, *G.Node, *G.Node) {
		group := h / (c.NumAttentionHeads / c.KVHeads())
		query, key := b.normHead(a, b.columns(allQ, h*d, d), b.columns(allK, group*d, d))
		return turn(query), turn(key), b.columns(allV, group*d, d)
	}
}

// normHead is RMSNorm of one head's query and key where the config asks for it. All heads share two weights.
func (b *builder) normHead(a string, q, k *G.Node) (*G.Node, *G.Node) {
	if !b.cfg.QKNorm {
		return q, k
	}
	return b.norm(q, a+"q_norm.weight"), b.norm(k, a+"k_norm.weight")
}

// rotation is RoPE on the last dr of keep+dr columns, as x*C + (x J)*S elementwise: J swaps the two
// elements of each pair and negates one, C and S hold cosine and sine of every token's position.
func (b *builder) rotation(keep, dr int, pair func(i int) (int, int)) func(x *G.Node) *G.Node {
	cos, sin := naive.RopeTable(b.cfg, b.cols)
	width := keep + dr
	pairOf, partner, sign := make([]int, width), make([]int, width), make([]float64, width)
	for i := range dr / 2 {
		first, second := pair(i)
		first, second = keep+first, keep+second
		pairOf[first], partner[first], sign[first] = i, second, -1
		pairOf[second], partner[second], sign[second] = i, first, 1
	}
	c := b.constant(b.n, width, func(i, j int) float64 {
		if j < keep {
			return 1
		}
		return cos[i%b.cols][pairOf[j]]
	})
	s := b.constant(b.n, width, func(i, j int) float64 {
		if j < keep {
			return 0
		}
		return sin[i%b.cols][pairOf[j]]
	})
	swap := b.constant(width, width, func(i, j int) float64 {
		if j < keep || partner[j] != i {
			return 0
		}
		return sign[j]
	})
	return func(x *G.Node) *G.Node { return plus(times(x, c), times(mul(x, swap), s)) }
}
