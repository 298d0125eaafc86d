package optim

import (
	"fmt"
	"math"
)

// NonFiniteError names the first parameter, in the order given to New, with a NaN or an infinity.
type NonFiniteError struct {
	Param string
	What  string  // gradient or value
	Index int     // flat position in the array
	Value float64 // NaN, +Inf or -Inf
}

// Error implements error.
func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("optim: the %s of %s is %g at element %d; skip this step, and trace the operation that made it", e.What, e.Param, e.Value, e.Index)
}

// GradNorm returns the Euclidean norm of all gradients together, summed in float64 over blocks of a fixed size. It
// is NaN or +Inf when a gradient is, and may be +Inf for float64 gradients above 1e154, whose squares overflow.
func (o *Optimizer) GradNorm() float64 { return o.core.gradNorm() }

// ClipGradNorm scales all gradients by limit/norm when their common norm exceeds limit, and returns the norm before.
// A limit of 0 or less, or +Inf, only measures. When the norm is not finite no gradient is changed, and the error,
// a *NonFiniteError where one element is to blame, says so.
func (o *Optimizer) ClipGradNorm(limit float64) (float64, error) {
	norm := o.core.gradNorm()
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		if err := o.CheckGrads(); err != nil {
			return norm, err
		}
		return norm, fmt.Errorf("optim: the gradient norm overflows although every gradient is finite; lower the loss scale or the learning rate")
	}
	if limit > 0 && norm > limit {
		o.core.scaleGrads(limit / norm)
	}
	return norm, nil
}

// CheckGrads returns a *NonFiniteError for the first gradient that is not finite, or nil.
func (o *Optimizer) CheckGrads() error { return o.firstNonFinite("gradient", true) }

// CheckValues returns a *NonFiniteError for the first parameter that is not finite, or nil.
func (o *Optimizer) CheckValues() error { return o.firstNonFinite("value", false) }

func (o *Optimizer) firstNonFinite(what string, grad bool) error {
	for i, p := range o.params {
		if at, v, found := o.core.nonFinite(i, grad); found {
			return &NonFiniteError{Param: p.Name, What: what, Index: at, Value: v}
		}
	}
	return nil
}
