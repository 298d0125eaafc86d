package pack

import (
	"fmt"
	"math"
	"math/bits"
)

// mix deals the rows of all batches out to the sources in exact proportion to their weights. Of the first g rows that are
// left to it, source k takes the nearest integer to its share of what is left to it and the later sources. So the
// source of a row follows from its number alone.
type mix struct {
	weights []float64 // they sum to 1
	shares  []uint64  // weight among this and the later sources in units of 2^-64; the last is not used
}

func newMix(sources []Source, all []*stream) (mix, error) {
	m := mix{weights: make([]float64, len(sources)), shares: make([]uint64, len(sources))}
	var sum float64
	for i, s := range sources {
		if s.Weight < 0 || math.IsNaN(s.Weight) || math.IsInf(s.Weight, 0) {
			return m, fmt.Errorf("pack: weight of source %q is %v, want a positive number", s.Name, s.Weight)
		}
		m.weights[i] = s.Weight
		sum += s.Weight
	}
	for i, s := range sources {
		switch {
		case sum == 0:
			m.weights[i] = float64(all[i].places)
		case s.Weight == 0:
			return m, fmt.Errorf("pack: source %q has weight 0 and others do not; give all a weight, or none to mix them by their tokens", s.Name)
		}
	}
	var rest float64
	for i := len(m.weights) - 1; i >= 0; i-- {
		rest += m.weights[i]
		m.shares[i] = math.MaxUint64
		if share := m.weights[i] / rest; share < 1 {
			m.shares[i] = uint64(math.Ldexp(share, 64))
		}
	}
	for i := range m.weights {
		m.weights[i] /= rest
	}
	return m, nil
}

// at is the source of row g and the number of earlier rows of that source.
func (m mix) at(g int64) (source int, seq int64) {
	left := uint64(g)
	last := len(m.shares) - 1
	for k, share := range m.shares[:last] {
		taken := part(left, share)
		if part(left+1, share) > taken {
			return k, int64(taken)
		}
		left -= taken
	}
	return last, int64(left)
}

// count is how many of the first g rows come from each source.
func (m mix) count(g int64) []int64 {
	out := make([]int64, len(m.shares))
	left := uint64(g)
	for k := range out {
		taken := left
		if k < len(out)-1 {
			taken = part(left, m.shares[k])
		}
		out[k] = int64(taken)
		left -= taken
	}
	return out
}

// part is n*share/2^64, rounded to the nearest integer.
func part(n, share uint64) uint64 {
	hi, lo := bits.Mul64(n, share)
	return hi + lo>>63
}
