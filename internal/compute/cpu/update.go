package cpu

import (
	"math"

	"muonclip/internal/compute"
)

// Updates are the passes of an optimizer over memory: each reads and writes every array once. Sums of
// squares are taken in float64 in the order of squareSum. Assembly rounds where plain Go does, so both give the
// same bits on amd64.
type Updates[T compute.Float] struct {
	// Momentum computes m = mu m + g and y = g + mu m (Nesterov) or y = m, and returns the sum of squares of y.
	Momentum func(m, g, y []T, mu T, nesterov bool) float64
	// Apply computes w = keep w - rate o and returns the sum of squares of o.
	Apply func(w, o []T, keep, rate T) float64
	// Adam computes the step of AdamStep and returns the sum of squares of the change without weight decay and
	// learning rate.
	Adam func(w, g, m, v []T, s *AdamStep[T]) float64
	// Scale computes dst = a src.
	Scale func(dst, src []T, a T)
	// Transpose writes dst[j*ldd+i] = src[i*lds+j] for i below rows and j below cols.
	Transpose func(dst []T, ldd int, src []T, lds, rows, cols int)
}

// AdamStep holds the constants of one step of AdamW:
//
//	m = B1 m + D1 g
//	v = B2 v + D2 g^2
//	u = (m / C1) / (sqrt(v / C2) + Eps)
//	w = Keep w - Rate u
type AdamStep[T compute.Float] struct{ B1, D1, B2, D2, C1, C2, Eps, Keep, Rate T }

// UpdatesFor returns the fastest passes for T on this processor.
func UpdatesFor[T compute.Float]() Updates[T] {
	if u, ok := any(fastUpdates()).(Updates[T]); ok && u.Momentum != nil {
		return u
	}
	return goUpdates[T]()
}

func goUpdates[T compute.Float]() Updates[T] {
	return Updates[T]{Momentum: momentumGo[T], Apply: applyGo[T], Adam: adamGo[T], Scale: multiplyGo[T], Transpose: transposeGo[T]}
}

// squareSum adds squares in 16 interleaved sums, which are added in pairs of neighbours at distance 8, 4, 2
// and 1 at the end: element i of a slice goes to sum i mod 16.
type squareSum [16]float64

func (s *squareSum) total() float64 {
	for half := 8; half > 0; half /= 2 {
		for i := range half {
			s[i] += s[i+half]
		}
	}
	return s[0]
}

func momentumGo[T compute.Float](m, g, y []T, mu T, nesterov bool) float64 {
	var sum squareSum
	g, y = g[:len(m)], y[:len(m)]
	for i, gi := range g {
		mi := mu*m[i] + gi
		m[i] = mi
		if nesterov {
			mi = gi + mu*mi
		}
		y[i] = mi
		sum[i&15] += float64(mi) * float64(mi)
	}
	return sum.total()
}

func applyGo[T compute.Float](w, o []T, keep, rate T) float64 {
	var sum squareSum
	w = w[:len(o)]
	for i, v := range o {
		w[i] = w[i]*keep - rate*v
		sum[i&15] += float64(v) * float64(v)
	}
	return sum.total()
}

func adamGo[T compute.Float](w, g, m, v []T, s *AdamStep[T]) float64 {
	var sum squareSum
	g, m, v = g[:len(w)], m[:len(w)], v[:len(w)]
	for i, gi := range g {
		mi := s.B1*m[i] + s.D1*gi
		vi := s.B2*v[i] + s.D2*gi*gi
		m[i], v[i] = mi, vi
		u := (mi / s.C1) / (T(math.Sqrt(float64(vi/s.C2))) + s.Eps)
		w[i] = w[i]*s.Keep - s.Rate*u
		sum[i&15] += float64(u) * float64(u)
	}
	return sum.total()
}

func multiplyGo[T compute.Float](dst, src []T, a T) {
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] = v * a
	}
}
