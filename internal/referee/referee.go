//go:build !cuda

package referee

import (
	"fmt"
	"slices"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"muonclip/internal/naive"
	"muonclip/model"
)

// Run computes loss and gradients. The arguments are those of naive.Forward: rows of T+1 ids, a
// negative id is padding, docStart may be nil. A panic while the graph is built comes back as an
// error; Gorgonia runs the graph on a goroutine of its own, where a panic cannot be caught.
func Run(cfg model.Config, w map[string][]float64, ids [][]int32, docStart [][]int32) (res *Result, err error) {
	ref, err := naive.Forward(cfg, w, ids, docStart)
	if err != nil {
		return nil, fmt.Errorf("referee: routing: %w", err)
	}
	defer func() {
		if p := recover(); p != nil {
			res, err = nil, fmt.Errorf("referee: build the graph: %v", p)
		}
	}()
	b := &builder{
		g: G.NewGraph(), cfg: cfg, w: w, ids: ids, docStart: docStart, routes: ref.Routes,
		rows: len(ids), cols: len(ids[0]) - 1, n: len(ids) * (len(ids[0]) - 1),
		params: map[string]*G.Node{},
	}
	return b.evaluate()
}

// evaluate builds the graph and its derivative, runs both and copies the values out.
func (b *builder) evaluate() (*Result, error) {
	logits := b.logits()
	loss := b.crossEntropy(logits)
	if b.aux != nil {
		loss = must(G.Add(loss, b.aux))
	}
	var names []string
	for name := range b.params {
		names = append(names, name)
	}
	slices.Sort(names)
	var leaves G.Nodes
	for _, name := range names {
		leaves = append(leaves, b.params[name])
	}
	grads, err := G.Grad(loss, leaves...)
	if err != nil {
		return nil, fmt.Errorf("referee: derive the gradients: %w", err)
	}
	// Values of inner nodes live in registers that the machine uses again, so each wanted one is read
	// into a variable by an op of its own.
	values := make([]G.Value, len(grads)+3)
	for i, grad := range grads {
		G.Read(grad, &values[i])
	}
	G.Read(loss, &values[len(grads)])
	G.Read(logits, &values[len(grads)+1])
	if b.aux != nil {
		G.Read(b.aux, &values[len(grads)+2])
	}
	vm := G.NewTapeMachine(b.g)
	defer func() { _ = vm.Close() }()
	if err := vm.RunAll(); err != nil {
		return nil, fmt.Errorf("referee: run the graph: %w", err)
	}
	res := &Result{Grads: map[string][]float64{}}
	for i, name := range names {
		if res.Grads[name], err = floats(values[i]); err != nil {
			return nil, fmt.Errorf("referee: gradient of %s: %w", name, err)
		}
		if want := len(b.w[name]); len(res.Grads[name]) != want {
			return nil, fmt.Errorf("referee: gradient of %s has %d elements, want %d", name, len(res.Grads[name]), want)
		}
	}
	total, err := floats(values[len(grads)])
	if err != nil {
		return nil, fmt.Errorf("referee: loss: %w", err)
	}
	res.Loss = total[0]
	if res.Logits, err = floats(values[len(grads)+1]); err != nil {
		return nil, fmt.Errorf("referee: logits: %w", err)
	}
	if b.aux != nil {
		aux, err := floats(values[len(grads)+2])
		if err != nil {
			return nil, fmt.Errorf("referee: auxiliary loss: %w", err)
		}
		res.AuxLoss = aux[0]
	}
	return res, nil
}

// floats copies a value out in row-major order, whatever its strides.
func floats(v G.Value) ([]float64, error) {
	switch v := v.(type) {
	case *G.F64:
		return []float64{float64(*v)}, nil
	case *tensor.Dense:
		if v.IsScalar() {
			return []float64{v.ScalarValue().(float64)}, nil
		}
		shape := v.Shape()
		if len(shape) != 2 {
			return nil, fmt.Errorf("value of shape %v, want a matrix", shape)
		}
		out := make([]float64, 0, shape.TotalSize())
		for i := range shape[0] {
			for j := range shape[1] {
				x, err := v.At(i, j)
				if err != nil {
					return nil, err
				}
				out = append(out, x.(float64))
			}
		}
		return out, nil
	default:
		return nil, fmt.Errorf("value of type %T, want a float64 tensor", v)
	}
}
