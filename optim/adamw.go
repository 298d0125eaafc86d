package optim

import (
	"math"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
)

// adamRule holds the constants of AdamW (Loshchilov and Hutter, arXiv 1711.05101, Algorithm 2).
type adamRule struct {
	beta1, beta2, eps float64
	ratio             float64 // learning rate over that of the step
}

// stepOf returns the constants of step t, counted from 1:
//
//	m = b1 m + (1-b1) g
//	v = b2 v + (1-b2) g^2
//	w = (1 - lr decay) w - lr (m / (1-b1^t)) / (sqrt(v / (1-b2^t)) + eps)
func stepOf[T compute.Float](r *adamRule, t int64, lr, decay float64) cpu.AdamStep[T] {
	return cpu.AdamStep[T]{
		B1: T(r.beta1), D1: T(1 - r.beta1), B2: T(r.beta2), D2: T(1 - r.beta2), Eps: T(r.eps),
		C1: T(1 - math.Pow(r.beta1, float64(t))), C2: T(1 - math.Pow(r.beta2, float64(t))),
		Keep: T(1 - lr*decay), Rate: T(lr),
	}
}

// adamBlock updates the elements [lo, hi) of s by its step and returns the sum of squares of the change without weight
// decay.
func adamBlock[T compute.Float](vec *cpu.Updates[T], s *slot[T], lo, hi int, lr float64) float64 {
	return lr * lr * vec.Adam(s.w[lo:hi], s.g[lo:hi], s.m[lo:hi], s.v[lo:hi], &s.step)
}
