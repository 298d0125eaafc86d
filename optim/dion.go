package optim

import (
	"math"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
	"muonclip/internal/rng"
)

// dionRule holds the constants of Dion (Ahn, Xu, Abreu and Langford, "Dion: Distributed Orthonormalized Updates", arXiv
// 2504.05295).
type dionRule struct {
	mu       float64
	scale    float64 // update RMS aimed at
	spectral bool    // no such aim, but the paper's sqrt(rows/cols)
	rank     float64 // share of min(rows, cols)
}

func (r *dionRule) rankOf(rows, cols int) int {
	return int(math.Ceil(r.rank * float64(min(rows, cols))))
}

// rate is the factor of P Q^T, whose Frobenius norm is the root of its rank.
func (r *dionRule) rate(lr float64, rows, cols, rank int) float64 {
	shape := float64(rows) / float64(cols)
	if !r.spectral {
		shape = r.scale * r.scale * float64(rows) * float64(cols) / float64(rank)
	}
	return lr * math.Sqrt(shape)
}

// dionPass updates one matrix at a time in its own memory. Its factors are stored transposed, so that a column of the
// paper's is contiguous.
type dionPass[T compute.Float] struct {
	rule *dionRule
	s    *slot[T]
	p    []T // P^T, rank x rows
	r    []T // R^T, rank x cols, and then the columns of Q that count
	basis[T]

	accumulate func(lo, hi int) // row pass, made once
}

func newDionPass[T compute.Float](rule *dionRule) *dionPass[T] {
	d := &dionPass[T]{rule: rule, basis: basis[T]{vec: cpu.UpdatesFor[T]()}}
	d.accumulate = d.accumulateRows
	return d
}

// run does one step on s, with Q its basis of the step before:
//
//	B = M + G
//	P = orthonormal basis of B Q          (one power iteration)
//	R = B^T P
//	M = B - (1-mu) P R^T                  (what the update leaves out stays for later steps)
//	Q = R with columns of norm 1
//	W = (1 - lr decay) W - lr sqrt(rows/cols) P Q^T
//
// A column of B Q that depends on those before it, as in the first step after a gradient of low rank or of zeros, has
// no direction: it is left out of P and of the update, and its column of Q stays as it was.
func (d *dionPass[T]) run(k kernels[T], s *slot[T], lr, decay float64) {
	rows, cols, rank := s.rows, s.cols, s.rank
	d.grow(s)
	k.rows(rows, cols, d.accumulate)
	k.Gemm(false, true, rank, rows, cols, 1, s.q, cols, s.m, cols, 0, d.p, rows)
	d.orthonormalize(k, d.p, rank, rows)
	k.Gemm(false, false, rank, cols, rows, 1, d.p, rows, s.m, cols, 0, d.r, cols)
	k.Gemm(true, false, rows, cols, rank, T(d.rule.mu-1), d.p, rows, d.r, cols, 1, s.m, cols)

	updateSq := 0.0
	for i := range rank {
		col := d.r[i*cols : (i+1)*cols]
		norm := math.Sqrt(sumSquares(col))
		if !d.alive[i] || norm == 0 {
			clear(col)
			continue
		}
		d.vec.Scale(col, col, T(1/norm))
		copy(s.q[i*cols:(i+1)*cols], col)
		updateSq++
	}
	rate := d.rule.rate(lr, rows, cols, rank)
	k.Gemm(true, false, rows, cols, rank, T(-rate), d.p, rows, d.r, cols, T(1-lr*decay), s.w, cols)
	s.updateSq = rate * rate * updateSq
}

func (d *dionPass[T]) grow(s *slot[T]) {
	d.s = s
	if n := s.rank * s.rows; cap(d.p) < n {
		d.p = make([]T, n)
	}
	if n := s.rank * s.cols; cap(d.r) < n {
		d.r = make([]T, n)
	}
	d.p, d.r = d.p[:s.rank*s.rows], d.r[:s.rank*s.cols]
}

// accumulateRows adds the gradient of the rows [lo, hi) to m.
func (d *dionPass[T]) accumulateRows(lo, hi int) {
	m, g := d.s.m[lo*d.s.cols:hi*d.s.cols], d.s.g[lo*d.s.cols:hi*d.s.cols]
	g = g[:len(m)]
	for i, v := range g {
		m[i] += v
	}
}

// initBasis fills a basis with normal numbers that depend on the parameter's name alone.
func initBasis[T compute.Float](q []T, name string) {
	r := rng.New(0, "dion "+name)
	for i := range q {
		q[i] = T(r.NormFloat64())
	}
}
