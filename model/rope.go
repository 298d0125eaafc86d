package model

import (
	"math"

	"muonclip/internal/compute"
)

// ropeTable holds the cosines and sines of positions 0..n-1, n x dim/2 of each.
type ropeTable[T compute.Float] struct {
	cfg      Config
	be       compute.Backend[T]
	cos, sin []T
	n        int
}

// upTo returns the table for at least n positions.
func (r *ropeTable[T]) upTo(n int) (cos, sin []T) {
	if n > r.n {
		inv, scale := r.cfg.RopeFrequencies()
		half := len(inv)
		r.cos, r.sin, r.n = r.be.Alloc(n*half), r.be.Alloc(n*half), n
		cos, sin := make([]T, n*half), make([]T, n*half)
		for t := range n {
			for i, f := range inv {
				s, c := math.Sincos(float64(t) * f)
				cos[t*half+i], sin[t*half+i] = T(c*scale), T(s*scale)
			}
		}
		r.be.Upload(r.cos, cos)
		r.be.Upload(r.sin, sin)
	}
	return r.cos, r.sin
}

// ropeDim is the number of elements of a head that RoPE turns.
func (c Config) ropeDim() int {
	if c.MLA() {
		return c.QKRopeHeadDim
	}
	return c.HeadDim
}

// RopeFrequencies returns the angle per position of each pair, and the factor on cosine and sine.
// Under YaRN (arXiv 2309.00071, section 3.2) slow pairs are interpolated by the factor, fast ones
// kept, with a ramp between the dimensions that turn beta_slow and beta_fast times over the
// original context.
func (c Config) RopeFrequencies() (inv []float64, scale float64) {
	d := float64(c.ropeDim())
	inv = make([]float64, c.ropeDim()/2)
	for i := range inv {
		inv[i] = math.Pow(c.RopeTheta, -2*float64(i)/d)
	}
	rs := c.RopeScaling
	if rs == nil {
		return inv, 1
	}
	turns := func(beta float64) float64 {
		return d * math.Log(float64(rs.OriginalMaxPositionEmbeddings)/(beta*2*math.Pi)) / (2 * math.Log(c.RopeTheta))
	}
	low := math.Max(math.Floor(turns(orDefault(rs.BetaFast, 32))), 0)
	high := math.Min(math.Ceil(turns(orDefault(rs.BetaSlow, 1))), d-1)
	if low == high {
		high += 0.001
	}
	for i := range inv {
		ramp := math.Min(math.Max((float64(i)-low)/(high-low), 0), 1)
		inv[i] = inv[i]/rs.Factor*ramp + inv[i]*(1-ramp)
	}
	scale = rs.magnitude(orDefault(rs.Mscale, 1))
	if rs.MscaleAllDim != 0 {
		scale /= rs.magnitude(rs.MscaleAllDim)
	}
	return inv, scale
}

// SoftmaxScale is the factor on q·k: 1/sqrt(head), times the square of YaRN's magnitude.
func (c Config) SoftmaxScale() float64 {
	s := 1 / math.Sqrt(float64(c.QKHeadDim()))
	if rs := c.RopeScaling; rs != nil && rs.MscaleAllDim != 0 {
		m := rs.magnitude(rs.MscaleAllDim)
		s *= m * m
	}
	return s
}

// magnitude is YaRN's attention temperature 0.1 m ln(factor) + 1.
func (rs *RopeScaling) magnitude(m float64) float64 {
	if rs.Factor <= 1 {
		return 1
	}
	return 0.1*m*math.Log(rs.Factor) + 1
}

func orDefault(v, fallback float64) float64 {
	if v == 0 {
		return fallback
	}
	return v
}
