package plan

import (
	"strconv"
	"strings"

	"muonclip/internal/config"
	"muonclip/model"
)

// ActivationElems is the number of values that one token leaves in layer l for the backward pass,
// by operation as docs/plan.md lists them. Softmax weights are not kept: tiled attention computes
// them again from one statistic per head.
func ActivationElems(c model.Config, l int) int64 {
	return attentionElems(c) + feedForwardElems(c, l)
}

func attentionElems(c model.Config) int64 {
	heads := c.NumAttentionHeads
	n := 2 * c.HiddenSize // input of input_layernorm and of the projections
	n += heads * c.QKHeadDim()
	n += heads // log of the softmax's sum
	n += heads * c.ValueHeadDim()
	if c.QKNorm {
		n += heads * (c.QKHeadDim() + 1) // queries before q_norm, and one statistic per head
	}
	if !c.MLA() {
		if c.QKNorm {
			n += c.KVHeads() * (c.HeadDim + 1)
		}
		return int64(n + 2*c.KVHeads()*c.HeadDim)
	}
	if c.QKNorm {
		n += heads * (2*c.QKHeadDim() + 1) // keys written out, before and after k_norm
	}
	n += 2 * c.QLoraRank                                 // before and after q_a_layernorm
	n += 2*c.KVLoraRank + c.QKRopeHeadDim                // before and after kv_a_layernorm, rotary key
	return int64(n + heads*(c.QKNopeHeadDim+c.VHeadDim)) // output of kv_b_proj
}

func feedForwardElems(c model.Config, l int) int64 {
	n := 2 * c.HiddenSize // input of post_attention_layernorm and of the feed-forward
	if !c.IsMoE(l) {
		return int64(n + 3*c.IntermediateSize) // gate, up and their product
	}
	n += c.NRoutedExperts                                                // router scores
	n += c.NumExpertsPerTok * (2*c.HiddenSize + 3*c.MoeIntermediateSize) // gathered input, output, gate, up, product
	return int64(n + 3*c.NSharedExperts*c.MoeIntermediateSize)
}

// activations is the memory of the stage's activations with inFlight micro-batches of micro
// sequences. With full recomputation each of them keeps the layers' inputs, and one layer at a
// time is complete. The last stage also keeps the normalised output and float32 logits of one
// micro-batch.
func (s stage) activations(c config.Config, inFlight, micro int) int64 {
	tokens := float64(micro) * float64(c.Train.SeqLen)
	bytes := dtypeBytes(c.Cluster.ActivationDtype)
	kept, largest := 0.0, 0.0
	for l := s.first; l < s.last; l++ {
		all := float64(ActivationElems(c.Model, l))
		largest = max(largest, all)
		if c.Cluster.ActivationRecompute == "full" {
			kept += float64(c.Model.HiddenSize)
		} else {
			kept += all
		}
	}
	total := float64(inFlight) * kept * bytes
	if c.Cluster.ActivationRecompute == "full" {
		total += largest * bytes
	}
	if s.head {
		total += 2*float64(c.Model.HiddenSize)*bytes + float64(c.Model.VocabSize)*4
	}
	return int64(total * tokens)
}

// layerOf is the layer number in a parameter's name.
func layerOf(name string) (int, bool) {
	rest, ok := strings.CutPrefix(name, "model.layers.")
	if !ok {
		return 0, false
	}
	number, _, _ := strings.Cut(rest, ".")
	l, err := strconv.Atoi(number)
	return l, err == nil
}
