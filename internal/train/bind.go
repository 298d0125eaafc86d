// Package train is the one training loop of all stages: it accumulates gradients over micro-batches,
// clips, updates by MuonClip, balances the experts, watches for spikes, measures, writes checkpoints
// and resumes from them byte for byte.
package train

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"muonclip/internal/compute"
	"muonclip/internal/safetensors"
	"muonclip/model"
	"muonclip/optim"

	"github.com/zeebo/xxh3"
)

// OptimParams lists a model's trained weights as the optimizer takes them, over the same memory.
func OptimParams[T compute.Float](m *model.Model[T]) []optim.Param {
	var params []optim.Param
	for _, p := range m.Params() {
		if !p.Trained {
			continue
		}
		value, grad := p.Dense()
		params = append(params, optim.Param{Name: p.Name, Value: value, Grad: grad, Muon: p.Muon, Kind: p.Kind})
	}
	return params
}

// AttentionLayers names the matrices that QK-Clip scales, given the parameters of OptimParams.
func AttentionLayers(cfg model.Config, params []optim.Param) []optim.Attention {
	byName := map[string]optim.Param{}
	for _, p := range params {
		byName[p.Name] = p
	}
	var layers []optim.Attention
	for l := range cfg.NumHiddenLayers {
		weight := func(name string) optim.Param {
			return byName[fmt.Sprintf("model.layers.%d.self_attn.%s.weight", l, name)]
		}
		a := optim.Attention{Layer: l, Heads: cfg.NumAttentionHeads}
		switch {
		case !cfg.MLA():
			a.Q, a.K, a.KVHeads, a.HeadDim = weight("q_proj").Value, weight("k_proj").Value, cfg.KVHeads(), cfg.HeadDim
		default:
			q := "q_b_proj"
			if cfg.QLoraRank == 0 {
				q = "q_proj"
			}
			a.Q, a.KVB = weight(q).Value, weight("kv_b_proj").Value
			a.Nope, a.Rope, a.V = cfg.QKNopeHeadDim, cfg.QKRopeHeadDim, cfg.VHeadDim
		}
		layers = append(layers, a)
	}
	return layers
}

// HeadBlocks returns the number of heads whose rows lie one after another in a projection of attention, and 1 for
// every other parameter, as optim.Config.Blocks takes it.
func HeadBlocks(cfg model.Config) func(optim.Param) int {
	return func(p optim.Param) int {
		name, ok := strings.CutSuffix(p.Name, ".weight")
		if !ok || !strings.Contains(name, ".self_attn.") {
			return 1
		}
		switch name[strings.LastIndexByte(name, '.')+1:] {
		case "q_proj", "q_b_proj", "kv_b_proj":
			return cfg.NumAttentionHeads
		case "k_proj", "v_proj":
			return cfg.KVHeads()
		}
		return 1
	}
}

// Tensors lists all weights of a float32 model, over the same memory, in the order of Config.Shapes, to be written to.
func Tensors(m *model.Model[float32]) []safetensors.Tensor { return tensors(m.Params()) }

func tensors(params []*model.Param[float32]) []safetensors.Tensor {
	var tensors []safetensors.Tensor
	for _, p := range params {
		tensors = append(tensors, safetensors.Tensor{Name: p.Name, Shape: p.Shape(), Data: p.Value})
	}
	return tensors
}

// Fingerprint names the weights of a model: a hash of their bits in the order of Config.Shapes.
func Fingerprint(m *model.Model[float32]) string {
	h := xxh3.New()
	buf := make([]byte, 0, 1<<16)
	for _, p := range m.ReadParams() {
		for _, v := range p.Value {
			if buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v)); len(buf) == cap(buf) {
				_, _ = h.Write(buf) // a hash does not fail
				buf = buf[:0]
			}
		}
	}
	_, _ = h.Write(buf)
	return fmt.Sprintf("%016x", h.Sum64())
}
