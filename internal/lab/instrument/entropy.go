package instrument

import (
	"fmt"
	"math"

	"muonclip/model"
)

// entropy takes each head's mean entropy of attention over the positions of the first held-out row, from the queries and
// keys that an ordinary forward pass makes.
func (p *Probe) entropy(step int64) []Row {
	c := p.Model.Config
	in := model.Input{Rows: 1, Cols: p.input.Cols, IDs: p.input.IDs[:p.input.Cols], Targets: p.input.Targets[:p.input.Cols]}
	if p.input.DocStart != nil {
		in.DocStart = p.input.DocStart[:p.input.Cols]
	}
	projections := make([][][]float32, c.NumHiddenLayers) // outputs of the linear operations of each layer, in order
	p.Model.Inspect(func(op string, layer int, backward bool, data []float32) {
		if op == "linear" && !backward && layer >= 0 {
			projections[layer] = append(projections[layer], append([]float32(nil), data...))
		}
	})
	p.Model.Losses(in)
	p.Model.Inspect(nil)
	var rows []Row
	for l, made := range projections {
		heads := headsOf(c, made, in.Cols)
		if heads == nil {
			return nil // a model whose projections are not those that this file knows
		}
		if c.QKNorm {
			heads.normalize(p.headNorms(l))
		}
		heads.rotate(c)
		for h := range c.NumAttentionHeads {
			v, _ := heads.entropy(h, in.DocStart)
			rows = append(rows, Row{step, AttentionEntropy, "", int32(l), int32(h), v})
		}
	}
	return rows
}

// headNorms are the weights of the norms of a layer's query and key heads.
func (p *Probe) headNorms(l int) (q, k []float32, eps float64) {
	name := fmt.Sprintf("model.layers.%d.self_attn.", l)
	return p.Model.Param(name + "q_norm.weight").Value, p.Model.Param(name + "k_norm.weight").Value, p.Model.Config.RMSNormEps
}

// heads are the queries and keys of one layer: cols x heads x dim.
type heads struct {
	cols, count, dim int
	scale            float64
	q, k             []float64
}

// headsOf takes queries and keys, still to be rotated, from the projections of a layer, which come in the order q_a, q_b,
// kv_a, kv_b or q, k, v. It is nil where their sizes say otherwise.
func headsOf(c model.Config, made [][]float32, cols int) *heads {
	y := &heads{cols: cols, count: c.NumAttentionHeads, dim: c.QKHeadDim(), scale: c.SoftmaxScale()}
	y.q, y.k = make([]float64, cols*y.count*y.dim), make([]float64, cols*y.count*y.dim)
	if c.MLA() && c.QLoraRank > 0 && len(made) > 0 {
		made = made[1:]
	}
	if len(made) < 3 || len(made[0]) != len(y.q) {
		return nil
	}
	for i, v := range made[0] {
		y.q[i] = float64(v)
	}
	if !c.MLA() {
		group := c.NumAttentionHeads / c.KVHeads()
		if len(made[1]) != cols*c.KVHeads()*y.dim {
			return nil
		}
		for t := range cols {
			for h := range y.count {
				from := (t*c.KVHeads() + h/group) * y.dim
				for i := range y.dim {
					y.k[(t*y.count+h)*y.dim+i] = float64(made[1][from+i])
				}
			}
		}
		return y
	}
	nope, rope, wide := c.QKNopeHeadDim, c.QKRopeHeadDim, c.QKNopeHeadDim+c.VHeadDim
	latent := c.KVLoraRank + rope
	if len(made[1]) != cols*latent || len(made[2]) != cols*y.count*wide {
		return nil
	}
	for t := range cols {
		for h := range y.count {
			key := y.of(y.k, t, h)
			for i := range nope {
				key[i] = float64(made[2][(t*y.count+h)*wide+i])
			}
			for i := range rope {
				key[nope+i] = float64(made[1][t*latent+c.KVLoraRank+i])
			}
		}
	}
	return y
}

// normalize is RMSNorm of every head.
func (y *heads) normalize(q, k []float32, eps float64) {
	for i := 0; i < len(y.q); i += y.dim {
		norm(y.q[i:i+y.dim], q, eps)
		norm(y.k[i:i+y.dim], k, eps)
	}
}

func norm(x []float64, w []float32, eps float64) {
	square := 0.0
	for _, v := range x {
		square += v * v
	}
	r := 1 / math.Sqrt(square/float64(len(x))+eps)
	for i := range x {
		x[i] *= r * float64(w[i])
	}
}

// rotate turns the rotary part of every head by its position.
func (y *heads) rotate(c model.Config) {
	inv, magnitude := c.RopeFrequencies()
	first := y.dim - 2*len(inv)
	for i := 0; i < len(y.q); i += y.dim {
		t := i / y.dim / y.count
		turn(y.q[i+first:i+y.dim], t, inv, magnitude, c.MLA())
		turn(y.k[i+first:i+y.dim], t, inv, magnitude, c.MLA())
	}
}

func (y *heads) of(x []float64, t, h int) []float64 { return x[(t*y.count+h)*y.dim:][:y.dim] }

// turn rotates the pairs of x by the angles of position t: neighbours, or elements half the length apart.
func turn(x []float64, t int, inv []float64, magnitude float64, neighbours bool) {
	for i, f := range inv {
		a, b := i, i+len(inv)
		if neighbours {
			a, b = 2*i, 2*i+1
		}
		sin, cos := math.Sincos(float64(t) * f)
		x[a], x[b] = magnitude*(x[a]*cos-x[b]*sin), magnitude*(x[a]*sin+x[b]*cos)
	}
}

// entropy is the mean over positions of one head's entropy in nats, and the largest logit.
func (y *heads) entropy(h int, docStart []int32) (mean, largest float64) {
	scores := make([]float64, y.cols)
	largest = math.Inf(-1)
	for t := range y.cols {
		first := 0
		if docStart != nil {
			first = int(docStart[t])
		}
		query, top := y.of(y.q, t, h), math.Inf(-1)
		for s := first; s <= t; s++ {
			dot := 0.0
			for i, k := range y.of(y.k, s, h) {
				dot += query[i] * k
			}
			scores[s] = dot * y.scale
			top = max(top, scores[s])
		}
		largest = max(largest, top)
		var norm, weighted float64 // sum of exp(x), and of x exp(x), with x less the top
		for s := first; s <= t; s++ {
			e := math.Exp(scores[s] - top)
			norm += e
			weighted += e * (scores[s] - top)
		}
		mean += (math.Log(norm) - weighted/norm) / float64(y.cols)
	}
	return mean, largest
}
