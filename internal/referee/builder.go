//go:build !cuda

package referee

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"muonclip/internal/naive"
	"muonclip/model"
)

// builder holds the graph under construction. Every node is a matrix; n is the number of tokens of
// the batch and the number of rows of every activation.
type builder struct {
	g             *G.ExprGraph
	cfg           model.Config
	w             map[string][]float64
	ids           [][]int32
	docStart      [][]int32
	routes        naive.Routes
	rows, cols, n int

	params    map[string]*G.Node
	constants int     // number of constants so far, part of their names
	moeLayers int     // number of MoE layers so far, index into routes
	aux       *G.Node // sum of the auxiliary losses so far, or nil
}

// must turns an error of graph building into a panic, which Run turns back into an error once.
func must(n *G.Node, err error) *G.Node {
	if err != nil {
		panic(err)
	}
	return n
}

// leaf is the weight of that name as a matrix; a vector becomes one row. Two uses are one node, so
// that a tied embedding gets the sum of its gradients.
func (b *builder) leaf(name string, rows, cols int) *G.Node {
	if node, ok := b.params[name]; ok {
		return node
	}
	// The graph may write into what it is given, so it gets a copy.
	backing := append([]float64(nil), b.w[name]...)
	node := G.NewMatrix(b.g, tensor.Float64, G.WithShape(rows, cols), G.WithName("param "+name),
		G.WithValue(tensor.New(tensor.WithShape(rows, cols), tensor.WithBacking(backing))))
	b.params[name] = node
	return node
}

// constant is a matrix with f(i, j) as its elements.
func (b *builder) constant(rows, cols int, f func(i, j int) float64) *G.Node {
	backing := make([]float64, 0, rows*cols)
	for i := range rows {
		for j := range cols {
			backing = append(backing, f(i, j))
		}
	}
	b.constants++
	return G.NewMatrix(b.g, tensor.Float64, G.WithShape(rows, cols), G.WithName(fmt.Sprintf("const %d", b.constants)),
		G.WithValue(tensor.New(tensor.WithShape(rows, cols), tensor.WithBacking(backing))))
}

func (b *builder) filled(rows, cols int, v float64) *G.Node {
	return b.constant(rows, cols, func(int, int) float64 { return v })
}

// columns picks count columns of x from the given one on.
func (b *builder) columns(x *G.Node, from, count int) *G.Node {
	return mul(x, b.constant(x.Shape()[1], count, func(i, j int) float64 { return truth(i == from+j) }))
}

func truth(v bool) float64 {
	if v {
		return 1
	}
	return 0
}

func mul(x, y *G.Node) *G.Node    { return must(G.Mul(x, y)) }
func plus(x, y *G.Node) *G.Node   { return must(G.Add(x, y)) }
func times(x, y *G.Node) *G.Node  { return must(G.HadamardProd(x, y)) }
func over(x, y *G.Node) *G.Node   { return must(G.HadamardDiv(x, y)) }
func transpose(x *G.Node) *G.Node { return must(G.Transpose(x, 1, 0)) }
func sigmoid(x *G.Node) *G.Node   { return must(G.Sigmoid(x)) }
func total(x *G.Node) *G.Node     { return must(G.Sum(x)) }
func silu(x *G.Node) *G.Node      { return times(x, sigmoid(x)) }

// linear is x W^T for the weight W[out,in] of that name.
func (b *builder) linear(x *G.Node, name string, out int) *G.Node {
	return mul(x, transpose(b.leaf(name, out, x.Shape()[1])))
}

// norm is RMSNorm. The mean over a row comes from a product with a matrix of 1/width, which also
// spreads it over the row; the weight is spread over the rows by a product with a column of ones.
func (b *builder) norm(x *G.Node, name string) *G.Node {
	width := x.Shape()[1]
	mean := mul(must(G.Square(x)), b.filled(width, width, 1/float64(width)))
	rms := must(G.Sqrt(plus(mean, b.filled(b.n, width, b.cfg.RMSNormEps))))
	weight := mul(b.filled(b.n, 1, 1), b.leaf(name, 1, width))
	return times(over(x, rms), weight)
}

// logits is the whole forward pass, n x vocabulary.
func (b *builder) logits() *G.Node {
	c := b.cfg
	embed := b.leaf("model.embed_tokens.weight", c.VocabSize, c.HiddenSize)
	oneHot := b.constant(b.n, c.VocabSize, func(i, j int) float64 {
		return truth(int(max(b.ids[i/b.cols][i%b.cols], 0)) == j)
	})
	x := mul(oneHot, embed)
	for l := range c.NumHiddenLayers {
		pre := fmt.Sprintf("model.layers.%d.", l)
		x = plus(x, b.attention(pre+"self_attn.", b.norm(x, pre+"input_layernorm.weight")))
		y := b.norm(x, pre+"post_attention_layernorm.weight")
		if c.IsMoE(l) {
			x = plus(x, b.experts(pre+"mlp.", y))
		} else {
			x = plus(x, b.feedForward(pre+"mlp.", y, c.IntermediateSize))
		}
	}
	x = b.norm(x, "model.norm.weight")
	if c.TieWordEmbeddings {
		return mul(x, transpose(embed))
	}
	return b.linear(x, "lm_head.weight", c.VocabSize)
}

// crossEntropy is the mean of -log softmax over the targets that count.
func (b *builder) crossEntropy(logits *G.Node) *G.Node {
	target := func(i int) int32 { return b.ids[i/b.cols][i%b.cols+1] }
	count := 0
	for i := range b.n {
		if target(i) >= 0 {
			count++
		}
	}
	weight := b.constant(b.n, b.cfg.VocabSize, func(i, j int) float64 {
		if target(i) != int32(j) {
			return 0
		}
		return -1 / float64(count)
	})
	return total(times(must(G.LogSoftMax(logits, 1)), weight))
}
