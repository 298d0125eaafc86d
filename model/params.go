package model

import (
	"fmt"

	"gorgonia.org/tensor"

	"muonclip/internal/compute"
	"muonclip/internal/rng"
)

// Param is one weight and its gradient, views into the model's two arenas.
type Param[T compute.Float] struct {
	ParamShape
	Value, Grad []T
}

// Dense returns the weight and its gradient as tensors over the same memory, without a copy.
func (p *Param[T]) Dense() (value, grad *tensor.Dense) {
	wrap := func(data []T) *tensor.Dense {
		return tensor.New(tensor.WithShape(p.Shape()...), tensor.WithBacking(data))
	}
	return wrap(p.Value), wrap(p.Grad)
}

// weights is the storage of all parameters in the order of Config.Shapes. Neighbours in that order
// are neighbours in memory, so [gate | up] and all experts of a layer can be used as one matrix.
type weights[T compute.Float] struct {
	params []*Param[T]
	offset map[string]int // of a parameter in the arenas
	index  map[string]int // of a parameter in params
	values []T
	grads  []T                  // none where the model does not learn
	leaves []*compute.Tensor[T] // what the tape knows of them
}

func newWeights[T compute.Float](cfg Config, be compute.Backend[T], learns bool) *weights[T] {
	shapes := cfg.Shapes()
	var total int64
	for _, s := range shapes {
		total += s.Elems()
	}
	w := &weights[T]{offset: map[string]int{}, index: map[string]int{}, values: be.Alloc(int(total))}
	if learns {
		w.grads = be.Alloc(int(total))
	}
	at := 0
	for i, s := range shapes {
		end := at + int(s.Elems())
		w.offset[s.Name], w.index[s.Name] = at, i
		w.params = append(w.params, &Param[T]{ParamShape: s, Value: w.values[at:end:end], Grad: w.grad(at, end)})
		at = end
	}
	return w
}

// void reports whether the gradients are to be overwritten.
func (w *weights[T]) void() bool { return w.leaves[0].Void() }

// settled says that all gradients have been written.
func (w *weights[T]) settled() {
	for _, x := range w.leaves {
		x.Written()
	}
}

// grad is the gradient of elements at to end.
func (w *weights[T]) grad(at, end int) []T {
	if w.grads == nil {
		return nil
	}
	return w.grads[at:end:end]
}

// matrix views rows*cols elements from the parameter's first one on as a tensor of the tape. It may
// run over into the parameters stored behind.
func (w *weights[T]) matrix(name string, rows, cols int) *compute.Tensor[T] {
	at, ok := w.offset[name]
	if !ok {
		panic(fmt.Sprintf("model: no parameter %s", name))
	}
	end := at + rows*cols
	leaf := compute.Parameter(rows, cols, w.values[at:end:end], w.grad(at, end))
	w.leaves = append(w.leaves, leaf)
	return leaf
}

// one views a parameter as a tensor of the tape, a vector as a single row.
func (w *weights[T]) one(name string) *compute.Tensor[T] {
	i, ok := w.index[name]
	if !ok {
		panic(fmt.Sprintf("model: no parameter %s", name))
	}
	p := w.params[i]
	if p.Cols == 0 {
		return w.matrix(name, 1, p.Rows)
	}
	return w.matrix(name, p.Rows, p.Cols)
}

// initialize draws matrices from N(0, initializer_range²), sets norms to one and biases to zero.
// Each tensor has its own stream, keyed by the seed and its name.
func (w *weights[T]) initialize(seed uint64, std float64) {
	for _, p := range w.params {
		switch {
		case !p.Trained:
			clear(p.Value)
		case p.Cols == 0:
			for i := range p.Value {
				p.Value[i] = 1
			}
		default:
			r := rng.New(seed, "init "+p.Name)
			for i := range p.Value {
				p.Value[i] = T(r.NormFloat64() * std)
			}
		}
	}
}
