package model

// FLOPs counts floating-point operations per token, a multiply-add as two. Only matrix products
// are counted: norms, activations, softmax, RoPE and the embedding lookup are left out, as is
// usual when a share of a device's peak is stated.
type FLOPs struct {
	Linear    float64 `json:"linear"`    // 2 x the activated weights of every linear layer, head included
	Attention float64 `json:"attention"` // q*k and p*v over the positions that a token may attend to
}

// Total is the sum of the parts.
func (f FLOPs) Total() float64 { return f.Linear + f.Attention }

// ForwardFLOPs counts one token's forward pass, averaged over a sequence of seqLen tokens.
//
//	linear    = 2 * (activated matrix elements, without the embedding table)
//	attention = 2 * (seqLen+1)/2 * layers * heads * (qk_head_dim + v_head_dim)
//
// The mask is counted once: token i attends to i+1 positions, (seqLen+1)/2 on average. Document
// masks make it less. MLA is counted as training runs it, with keys and values expanded by
// kv_b_proj. A tied head multiplies although it stores nothing, so it is counted.
func (c Config) ForwardFLOPs(seqLen int) FLOPs {
	size := c.Size()
	matrices := int64(0)
	for _, p := range size.Parts {
		if p.Kind != KindEmbedding && p.Kind != KindNorm {
			matrices += p.Activated
		}
	}
	if moe := c.moeLayers(); moe > 0 {
		matrices -= int64(moe) * int64(c.NRoutedExperts) // the router's correction bias is added, not multiplied
	}
	if c.TieWordEmbeddings {
		matrices += int64(c.VocabSize) * int64(c.HiddenSize)
	}
	span := float64(seqLen+1) / 2
	heads := float64(c.NumHiddenLayers) * float64(c.NumAttentionHeads)
	return FLOPs{
		Linear:    2 * float64(matrices),
		Attention: 2 * span * heads * float64(c.QKHeadDim()+c.ValueHeadDim()),
	}
}

// TrainFLOPs counts one token's forward and backward pass: three times the forward pass, because
// each product has two gradients of its own size. The linear part is the usual 6 x activated
// parameters. The optimizer and recomputed activations are not counted.
func (c Config) TrainFLOPs(seqLen int) FLOPs {
	f := c.ForwardFLOPs(seqLen)
	return FLOPs{Linear: 3 * f.Linear, Attention: 3 * f.Attention}
}

// KVCacheElems is the number of cached values per token over all layers: the compressed latent
// and the shared rotary key with MLA, keys and values of every key-value head otherwise.
func (c Config) KVCacheElems() int64 {
	perLayer := 2 * c.KVHeads() * c.HeadDim
	if c.MLA() {
		perLayer = c.KVLoraRank + c.QKRopeHeadDim
	}
	return int64(c.NumHiddenLayers) * int64(perLayer)
}

// KVCacheBytes is the size of one token's cache in bytes, with elements of elemBytes bytes.
func (c Config) KVCacheBytes(elemBytes int) int64 { return c.KVCacheElems() * int64(elemBytes) }

func (c Config) moeLayers() int {
	if c.NRoutedExperts == 0 {
		return 0
	}
	return max(0, c.NumHiddenLayers-c.FirstKDenseReplace)
}

// NewtonSchulzFLOPs counts one Muon update of all matrices with the given number of steps. For an
// n x m matrix with n <= m, a step is X X^T and A A (symmetric, so half of each product is
// computed) and one product n x n x m.
func (c Config) NewtonSchulzFLOPs(steps int) float64 {
	total := 0.0
	for _, p := range c.Shapes() {
		if !p.Muon {
			continue
		}
		n, m := float64(min(p.Rows, p.Cols)), float64(max(p.Rows, p.Cols))
		total += float64(steps) * (n*n*m + n*n*n + 2*n*n*m)
	}
	return total
}
