//go:build !cuda

package referee

import (
	"fmt"
	"slices"

	G "gorgonia.org/gorgonia"

	"muonclip/internal/naive"
)

// feedForward is SwiGLU: down(silu(gate x) * up x), with the given inner width.
func (b *builder) feedForward(pre string, x *G.Node, width int) *G.Node {
	gate := b.linear(x, pre+"gate_proj.weight", width)
	up := b.linear(x, pre+"up_proj.weight", width)
	return b.linear(times(silu(gate), up), pre+"down_proj.weight", b.cfg.HiddenSize)
}

// experts is one mixture of experts: every expert on every token, gated by 0 where it was not chosen.
func (b *builder) experts(pre string, x *G.Node) *G.Node {
	c := b.cfg
	count, h := c.NRoutedExperts, c.HiddenSize
	routes := b.routes[b.moeLayers]
	b.moeLayers++
	scores := sigmoid(b.linear(x, pre+"gate.weight", count))
	gates := times(scores, b.constant(b.n, count, func(i, j int) float64 { return truth(slices.Contains(routes[i], j)) }))
	if c.NormTopkProb {
		sums := plus(mul(gates, b.filled(count, count, 1)), b.filled(b.n, count, 1e-20))
		gates = over(gates, sums)
	}
	gates = times(gates, b.filled(b.n, count, c.RoutedScalingFactor))
	var out *G.Node
	if c.NSharedExperts > 0 {
		out = b.feedForward(pre+"shared_experts.", x, c.MoeIntermediateSize*c.NSharedExperts)
	}
	for e := range count {
		gate := mul(gates, b.constant(count, h, func(i, _ int) float64 { return truth(i == e) }))
		part := times(b.feedForward(fmt.Sprintf("%sexperts.%d.", pre, e), x, c.MoeIntermediateSize), gate)
		if out == nil {
			out = part
		} else {
			out = plus(out, part)
		}
	}
	if naive.HasAuxLoss(c) {
		b.addAuxLoss(scores, routes)
	}
	return out
}

// addAuxLoss adds alpha * sum_i f_i P_i of one layer, averaged over the rows. f counts constant
// choices, so alpha f / (rows * T) is a constant factor on each token's normalised scores.
func (b *builder) addAuxLoss(scores *G.Node, routes [][]int) {
	c := b.cfg
	count := c.NRoutedExperts
	chosen := make([][]float64, b.rows) // row x expert: number of the row's tokens on the expert
	for i, experts := range routes {
		row := i / b.cols
		if chosen[row] == nil {
			chosen[row] = make([]float64, count)
		}
		for _, e := range experts {
			chosen[row][e]++
		}
	}
	factor := c.AuxLossAlpha * float64(count) / float64(c.NumExpertsPerTok*b.cols) / float64(b.rows*b.cols)
	weight := b.constant(b.n, count, func(i, j int) float64 { return chosen[i/b.cols][j] * factor })
	probs := over(scores, mul(scores, b.filled(count, count, 1)))
	loss := total(times(probs, weight))
	if b.aux != nil {
		loss = plus(b.aux, loss)
	}
	b.aux = loss
}
