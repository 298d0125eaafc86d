package optim

import (
	"fmt"
	"math"

	"muonclip/internal/compute"
)

// MaxLogits holds each head's largest softmax input over all micro-batches of a step. It is not safe for concurrent
// use. NaN is kept once seen.
type MaxLogits struct {
	layers, heads int
	max           []float64
}

// NewMaxLogits returns a table of layers x heads, reset.
func NewMaxLogits(layers, heads int) *MaxLogits {
	m := &MaxLogits{layers: layers, heads: heads, max: make([]float64, layers*heads)}
	m.Reset()
	return m
}

// Layers returns the number of layers.
func (m *MaxLogits) Layers() int { return m.layers }

// Heads returns the number of heads in each layer.
func (m *MaxLogits) Heads() int { return m.heads }

// Reset forgets everything: every head is at -Inf.
func (m *MaxLogits) Reset() {
	for i := range m.max {
		m.max[i] = math.Inf(-1)
	}
}

// Observe raises one head to s.
func (m *MaxLogits) Observe(layer, head int, s float64) {
	p := &m.row(layer)[head]
	*p = max(*p, s) // the built-in keeps NaN
}

// ObserveLayer raises all heads of a layer to the maxima of one more micro-batch.
func ObserveLayer[T compute.Float](m *MaxLogits, layer int, heads []T) {
	row := m.row(layer)
	if len(heads) != len(row) {
		panic(fmt.Sprintf("optim: maxima of %d heads for a table of %d", len(heads), len(row)))
	}
	for h, s := range heads {
		row[h] = max(row[h], float64(s))
	}
}

// Merge raises every head to its value in other, a table of the same shape, such as that of another worker.
func (m *MaxLogits) Merge(other *MaxLogits) {
	for l := range other.layers {
		ObserveLayer(m, l, other.row(l))
	}
}

// At returns the largest logit of one head, -Inf if none was observed.
func (m *MaxLogits) At(layer, head int) float64 { return m.row(layer)[head] }

// Max returns the largest of all heads.
func (m *MaxLogits) Max() float64 {
	top := math.Inf(-1)
	for _, s := range m.max {
		top = max(top, s)
	}
	return top
}

// Rows returns a copy of the table, one slice for each layer.
func (m *MaxLogits) Rows() [][]float64 {
	out := make([][]float64, m.layers)
	for l := range out {
		out[l] = append([]float64(nil), m.row(l)...)
	}
	return out
}

func (m *MaxLogits) row(layer int) []float64 {
	return m.max[layer*m.heads : (layer+1)*m.heads : (layer+1)*m.heads]
}
