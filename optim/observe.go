package optim

import (
	"math"

	"gorgonia.org/tensor"
)

// ParamStats is what the last step did to one parameter.
type ParamStats struct {
	Name, Kind string
	UpdateRMS  float64 // RMS of the change, learning rate included and weight decay not
	WeightRMS  float64 // RMS of the weights now
}

// Ratio is the size of the change relative to the weights, 0 for weights of zero.
func (p ParamStats) Ratio() float64 {
	if p.WeightRMS == 0 {
		return 0
	}
	return p.UpdateRMS / p.WeightRMS
}

// ParamStats appends one entry for each parameter, in their order, to dst. It reads all weights once; the changes are
// known from the last Step, and zero before the first.
func (o *Optimizer) ParamStats(dst []ParamStats) []ParamStats {
	weight := o.core.weights()
	for i := range o.params {
		p, n := &o.params[i], float64(o.params[i].Value.DataSize())
		s := ParamStats{Name: p.Name, Kind: p.Kind, WeightRMS: math.Sqrt(weight[i] / n)}
		if o.lastSq != nil {
			s.UpdateRMS = math.Sqrt(o.lastSq[i] / n)
		}
		dst = append(dst, s)
	}
	return dst
}

// Observe asks for the updates of the next Step, and of that step only: after it, see is called for every parameter
// that want accepts (nil means all), in their order, with the change that the rule made, learning rate included and
// weight decay not. The tensor has the parameter's shape and dtype and is used again for the next parameter: see must
// not keep it.
//
// The change is the difference of the weights after and before, so it is exact to the rounding of the weights: about
// 1e-7 of a float32 weight. The step costs a copy of the wanted weights and a pass over them; steps that nobody
// observes cost nothing. A nil see takes the wish back.
func (o *Optimizer) Observe(want func(Param) bool, see func(p Param, update *tensor.Dense)) {
	o.want, o.see = want, see
}

// before keeps the weights that the observer wants.
func (o *Optimizer) before() {
	if o.see == nil {
		return
	}
	for i, p := range o.params {
		if o.want == nil || o.want(p) {
			o.core.remember(i)
		}
	}
}

// after shows the observer what has changed and forgets it.
func (o *Optimizer) after(lr float64) {
	see := o.see
	if see == nil {
		return
	}
	o.want, o.see = nil, nil // first, since see may ask for the next step
	o.core.changes(lr, func(i int, update *tensor.Dense) { see(o.params[i], update) })
}

// remember keeps the weights of parameter i until changes.
func (c *core[T]) remember(i int) {
	c.kept = append(c.kept, i)
	c.past = append(c.past, c.slots[i].w...)
}

// changes calls see with what the rules have added to the remembered weights, and forgets them.
func (c *core[T]) changes(lr float64, see func(i int, update *tensor.Dense)) {
	past := c.past
	for _, i := range c.kept {
		s := &c.slots[i]
		u := past[:len(s.w)]
		past = past[len(s.w):]
		keep := T(1 - c.ratio(i)*lr*s.decay)
		for j, w := range s.w {
			u[j] = w - keep*u[j]
		}
		see(i, wrap(u, c.params[i].Value.Shape()...))
	}
	c.kept, c.past = c.kept[:0], nil // a copy of all weights is not kept for the seldom step that is observed
}
