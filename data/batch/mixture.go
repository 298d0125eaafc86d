package batch

import (
	"fmt"
	"math"
	"math/bits"
)

// mixture deals the global sequences out to the sources in exact proportion to their weights.
// Source 0 has had floor(g*w + 1/2) of the first g sequences, where w is its share; what it leaves is
// dealt to the others in the same way. So both the source of g and the number of earlier sequences of
// that source follow from g alone, and source k is never more than (k+1)/2 sequences off its share.
type mixture struct {
	shares []uint64 // share of each source among itself and the later ones, in units of 2^-64; the last is not used
}

// weights returns the normalised weights of the sources.
func weights(sources []Source, all []*stream) ([]float64, error) {
	w := make([]float64, len(sources))
	var sum float64
	zero := 0
	for i, s := range sources {
		if s.Weight < 0 || math.IsNaN(s.Weight) || math.IsInf(s.Weight, 0) {
			return nil, fmt.Errorf("batch: weight of source %q is %v, want a positive number", s.Name, s.Weight)
		}
		if s.Weight == 0 {
			zero++
		}
		w[i] = s.Weight
		sum += w[i]
	}
	switch {
	case zero == len(sources):
		for i, s := range all {
			w[i] = float64(s.length)
			sum += w[i]
		}
	case zero > 0:
		return nil, fmt.Errorf("batch: %d of %d sources have weight 0; give all a weight, or none to mix them by their tokens", zero, len(sources))
	}
	for i := range w {
		w[i] /= sum
	}
	return w, nil
}

func newMixture(weights []float64) mixture {
	m := mixture{shares: make([]uint64, len(weights))}
	var rest float64
	for i := len(weights) - 1; i >= 0; i-- {
		rest += weights[i]
		m.shares[i] = math.MaxUint64
		if f := weights[i] / rest; f < 1 {
			m.shares[i] = uint64(math.Ldexp(f, 64))
		}
	}
	return m
}

// at returns the source of global sequence g and the number of earlier sequences of that source.
func (m mixture) at(g int64) (source int, local int64) {
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

// count is the number of sequences of a source among the first g.
func (m mixture) count(source int, g int64) int64 {
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
