package naive

import (
	"fmt"

	"muonclip/model"
)

// feedForward is SwiGLU: down(silu(gate x) * up x), with the given inner width.
func (p *pass) feedForward(pre string, x []float64, width int) []float64 {
	h := p.cfg.HiddenSize
	gate := p.linear(x, pre+"gate_proj.weight", h, width)
	up := p.linear(x, pre+"up_proj.weight", h, width)
	for i := range gate {
		gate[i] *= sigmoid(gate[i]) * up[i]
	}
	return p.linear(gate, pre+"down_proj.weight", width, h)
}

// experts is the mixture of experts of DeepSeek-V3 (arXiv 2412.19437, section 2.1.2) over x[n,hidden]:
// sigmoid scores, the top k of score plus correction bias, gates from the scores alone.
func (p *pass) experts(pre string, x []float64) []float64 {
	c := p.cfg
	h, count := c.HiddenSize, c.NRoutedExperts
	n := len(x) / h
	scores := p.linear(x, pre+"gate.weight", h, count)
	for i := range scores {
		scores[i] = sigmoid(scores[i])
	}
	chosen := p.choose(scores, p.w[pre+"gate.e_score_correction_bias"])
	load := make([]int, count)
	out := make([]float64, len(x))
	for t := range n {
		total := 1.0
		if c.NormTopkProb {
			total = 1e-20
			for _, e := range chosen[t] {
				total += scores[t*count+e]
			}
		}
		for _, e := range chosen[t] {
			load[e]++
			gate := scores[t*count+e] / total * c.RoutedScalingFactor
			y := p.feedForward(fmt.Sprintf("%sexperts.%d.", pre, e), x[t*h:(t+1)*h], c.MoeIntermediateSize)
			for j := range h {
				out[t*h+j] += gate * y[j]
			}
		}
	}
	if c.NSharedExperts > 0 {
		add(out, p.feedForward(pre+"shared_experts.", x, c.MoeIntermediateSize*c.NSharedExperts))
	}
	p.res.ExpertLoad = append(p.res.ExpertLoad, load)
	p.res.Routes = append(p.res.Routes, chosen)
	if HasAuxLoss(c) {
		p.res.AuxLoss += p.auxLoss(scores, chosen)
	}
	return out
}

// choose gives each token's experts: those of the caller if it gave some, else the k largest of
// score + bias, the lower index first among equals.
func (p *pass) choose(scores, bias []float64) [][]int {
	if p.routes != nil {
		return p.routes[len(p.res.Routes)]
	}
	count := len(bias)
	chosen := make([][]int, len(scores)/count)
	for t := range chosen {
		taken := make([]bool, count)
		for range p.cfg.NumExpertsPerTok {
			best := -1
			for e := range count {
				if !taken[e] && (best < 0 || scores[t*count+e]+bias[e] > scores[t*count+best]+bias[best]) {
					best = e
				}
			}
			taken[best] = true
			chosen[t] = append(chosen[t], best)
		}
	}
	return chosen
}

// HasAuxLoss reports whether the config asks for the sequence-wise auxiliary loss.
func HasAuxLoss(cfg model.Config) bool { return cfg.AuxLossAlpha > 0 && cfg.SeqAux }

// auxLoss is the sequence-wise balance loss of one layer (DeepSeek-V3, equations 17-20), averaged over
// the rows: alpha * sum_i f_i P_i, with f_i the share of tokens on expert i times E/k, and P_i the mean
// over the row of the score of i divided by the sum of the token's scores. Every position counts.
func (p *pass) auxLoss(scores []float64, chosen [][]int) float64 {
	count := p.cfg.NRoutedExperts
	var sum float64
	for b := range p.rows {
		f, prob := make([]float64, count), make([]float64, count)
		for t := b * p.cols; t < (b+1)*p.cols; t++ {
			var total float64
			for e := range count {
				total += scores[t*count+e]
			}
			for e := range count {
				prob[e] += scores[t*count+e] / total / float64(p.cols)
			}
			for _, e := range chosen[t] {
				f[e] += float64(count) / float64(p.cfg.NumExpertsPerTok*p.cols)
			}
		}
		for e := range count {
			sum += f[e] * prob[e]
		}
	}
	return p.cfg.AuxLossAlpha * sum / float64(p.rows)
}
