package optim

import "muonclip/internal/compute"

// sgdRule holds the constants of gradient descent with momentum, in Sutskever's form of Nesterov's (Sutskever, Martens,
// Dahl and Hinton, "On the importance of initialization and momentum in deep learning", ICML 2013) where the
// learning rate stands outside the momentum.
type sgdRule struct {
	mu       float64
	nesterov bool
}

// sgdBlock updates the elements [lo, hi) of s and returns the sum of squares of the change without weight decay:
//
//	m = mu m + g
//	w = (1 - lr decay) w - lr (g + mu m, or m without Nesterov)
func sgdBlock[T compute.Float](r *sgdRule, s *slot[T], lo, hi int, lr, decay float64) float64 {
	w, g, m := s.w[lo:hi], s.g[lo:hi], s.m[lo:hi]
	g, m = g[:len(w)], m[:len(w)]
	mu, keep, rate := T(r.mu), T(1-lr*decay), T(lr)
	var sq float64
	for i, gi := range g {
		u := mu*m[i] + gi
		m[i] = u
		if r.nesterov {
			u = gi + mu*u
		}
		w[i] = w[i]*keep - rate*u
		sq += float64(u) * float64(u)
	}
	return lr * lr * sq
}
