package generate

import (
	"math"

	"muonclip/internal/compute"
	"muonclip/model"
)

// ropeTable holds the cosines and sines of positions 0..n-1, n x half of each.
type ropeTable[T compute.Float] struct {
	cfg      model.Config
	inv      []float64
	scale    float64
	cos, sin []T
	n        int
}

// reach extends the table to at least n positions, a power of two of them.
func (r *ropeTable[T]) reach(n int) {
	if n <= r.n {
		return
	}
	if r.inv == nil {
		r.inv, r.scale = r.cfg.RopeFrequencies()
	}
	size := max(r.n, pageTokens)
	for size < n {
		size *= 2
	}
	for t := r.n; t < size; t++ {
		for _, f := range r.inv {
			s, c := math.Sincos(float64(t) * f)
			r.cos, r.sin = append(r.cos, T(c*r.scale)), append(r.sin, T(s*r.scale))
		}
	}
	r.n = size
}

// rotate turns the pairs of x by the angles of position t: neighbours for latent attention, an
// element of each half for grouped-query attention.
func (r *ropeTable[T]) rotate(x []T, t int) {
	half := len(x) / 2
	cos, sin := r.cos[t*half:(t+1)*half], r.sin[t*half:(t+1)*half]
	if !r.cfg.MLA() {
		a, b := x[:half], x[half:]
		for i, c := range cos {
			a[i], b[i] = a[i]*c-b[i]*sin[i], a[i]*sin[i]+b[i]*c
		}
		return
	}
	for i, c := range cos {
		a, b := x[2*i], x[2*i+1]
		x[2*i], x[2*i+1] = a*c-b*sin[i], a*sin[i]+b*c
	}
}
