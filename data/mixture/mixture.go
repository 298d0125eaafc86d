// Package mixture deals rows out to sources in exact proportion to their weights. The source of a row follows from the row's
// number alone, so that any row can be made again without those before it.
package mixture

import (
	"fmt"
	"math"
	"math/bits"
)

// Source is what a mixture has to know of a source.
type Source struct {
	Name   string
	Weight float64 // relative to the others; 0 for all of them means Size
	Size   int64   // tokens of one epoch
}

// Mixture is the endless sequence of rows. Of the first g rows, source 0 has the nearest integer to its share, and what it leaves
// is dealt to the others in the same way; so source k is never more than (k+1)/2 rows off its share.
type Mixture struct {
	weights []float64
	shares  []uint64 // share of each source among itself and the later ones, in units of 2^-64; the last is not used
}

// New refuses weights that are no positive numbers, and those of which only some are zero.
func New(sources []Source) (Mixture, error) {
	m := Mixture{weights: make([]float64, len(sources)), shares: make([]uint64, len(sources))}
	var sum float64
	for i, s := range sources {
		if s.Weight < 0 || math.IsNaN(s.Weight) || math.IsInf(s.Weight, 0) {
			return m, fmt.Errorf("weight of source %q is %v, want a positive number", s.Name, s.Weight)
		}
		m.weights[i] = s.Weight
		sum += s.Weight
	}
	bySize := sum == 0
	for i, s := range sources {
		switch {
		case bySize:
			m.weights[i] = float64(s.Size)
			sum += m.weights[i]
		case s.Weight == 0:
			return m, fmt.Errorf("source %q has weight 0 and others do not; give all a weight, or none to mix them by their tokens", s.Name)
		}
	}
	for i := range m.weights {
		m.weights[i] /= sum
	}
	var rest float64
	for i := len(m.weights) - 1; i >= 0; i-- {
		rest += m.weights[i]
		m.shares[i] = math.MaxUint64
		if share := m.weights[i] / rest; share < 1 {
			m.shares[i] = uint64(math.Ldexp(share, 64))
		}
	}
	return m, nil
}

// Weight is the share of a source; the weights of all sum to 1.
func (m Mixture) Weight(source int) float64 { return m.weights[source] }

// At returns the source of row g and the number of earlier rows of that source.
func (m Mixture) At(g int64) (source int, local int64) {
	left := uint64(g)
	last := len(m.shares) - 1
	for k, share := range m.shares[:last] {
		taken := nearest(left, share)
		if nearest(left+1, share) > taken {
			return k, int64(taken)
		}
		left -= taken
	}
	return last, int64(left)
}

// Count is the number of rows of a source among the first g.
func (m Mixture) Count(source int, g int64) int64 {
	left := uint64(g)
	for k, share := range m.shares[:len(m.shares)-1] {
		taken := nearest(left, share)
		if k == source {
			return int64(taken)
		}
		left -= taken
	}
	return int64(left)
}

// nearest is g*share/2^64, rounded to the nearest integer.
func nearest(g, share uint64) uint64 {
	hi, lo := bits.Mul64(g, share)
	return hi + lo>>63
}
