package optim

import (
	"math"

	"muonclip/internal/compute"
)

// adamRule holds the constants of AdamW (Loshchilov and Hutter, arXiv 1711.05101, Algorithm 2).
type adamRule struct {
	beta1, beta2, eps float64
}

// adamBlock updates the elements [lo, hi) of s in step t, counted from 1, and returns the sum of squares of the change
// without weight decay:
//
//	m = b1 m + (1-b1) g
//	v = b2 v + (1-b2) g^2
//	w = (1 - lr decay) w - lr (m / (1-b1^t)) / (sqrt(v / (1-b2^t)) + eps)
func adamBlock[T compute.Float](r *adamRule, s *slot[T], lo, hi int, t int64, lr, decay float64) float64 {
	w, g, m, v := s.w[lo:hi], s.g[lo:hi], s.m[lo:hi], s.v[lo:hi]
	g, m, v = g[:len(w)], m[:len(w)], v[:len(w)]
	b1, b2, eps := T(r.beta1), T(r.beta2), T(r.eps)
	d1, d2 := T(1-r.beta1), T(1-r.beta2)
	c1, c2 := T(1-math.Pow(r.beta1, float64(t))), T(1-math.Pow(r.beta2, float64(t)))
	keep, rate := T(1-lr*decay), T(lr)
	var sq float64
	for i, gi := range g {
		mi := b1*m[i] + d1*gi
		vi := b2*v[i] + d2*gi*gi
		m[i], v[i] = mi, vi
		u := (mi / c1) / (T(math.Sqrt(float64(vi/c2))) + eps)
		w[i] = w[i]*keep - rate*u
		sq += float64(u) * float64(u)
	}
	return lr * lr * sq
}
