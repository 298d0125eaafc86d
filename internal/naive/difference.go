package naive

import (
	"fmt"

	"muonclip/model"
)

// Difference is the derivative of the loss with respect to element i of the named weight by central
// differences of fourth order:
//
//	(f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / 12h
//
// with h = 5e-4, which leaves an error of some 1e-12 in the loss's units plus a truncation that is
// a few 1e-8 of the derivative at worst for weights around 1.
// The experts stay those of routes, which must be the Routes of a pass with the same weights. It runs
// four forward passes. The weight is changed during the call and has its old value afterwards.
func Difference(cfg model.Config, w map[string][]float64, ids, docStart [][]int32, routes Routes, name string, i int) (float64, error) {
	const h = 5e-4
	if _, ok := w[name]; !ok || i < 0 || i >= len(w[name]) {
		return 0, fmt.Errorf("naive: difference: no element %d of weight %s", i, name)
	}
	if err := CheckInput(cfg, w, ids, docStart); err != nil {
		return 0, fmt.Errorf("naive: difference: %w", err)
	}
	old := w[name][i]
	defer func() { w[name][i] = old }()
	var sum float64
	for _, term := range []struct{ step, weight float64 }{{-2, 1}, {-1, -8}, {1, 8}, {2, -1}} {
		w[name][i] = old + term.step*h
		p := newPass(cfg, w, ids, docStart, routes)
		if err := p.checkRoutes(); err != nil {
			return 0, fmt.Errorf("naive: difference: %w", err)
		}
		p.run(ids)
		sum += term.weight * p.res.Loss
	}
	return sum / (12 * h), nil
}
