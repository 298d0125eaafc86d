package optim

import (
	"math"

	"muonclip/internal/compute"
)

// ThreadedCost is the number of multiplications in X X^T from which one matrix is spread over all workers. Below it
// a matrix belongs to one worker, which keeps it in its cache and needs no synchronisation. It does not depend on
// the number of threads, so that neither does any sum.
const ThreadedCost = 1 << 27

// muonRule holds what Muon needs besides the matrix (Moonlight, arXiv 2502.16982, section 2.2; Kimi K2, Algorithm 1).
type muonRule struct {
	mu       float64
	nesterov bool
	scale    float64 // update RMS aimed at; 0.2 matches AdamW
	spectral bool    // no such aim, see rate
	coef     []Coefficients
	beta2    float64 // of NorMuon
}

// muonPass updates one matrix at a time in its own memory.
type muonPass[T compute.Float] struct {
	*workspace[T]
	rule *muonRule

	s          *slot[T]
	keep, rate T // 1 - lr*decay, and lr times the scale of the orthogonal update

	momentum, apply func(lo, hi int) // row passes, made once
}

func newMuonPass[T compute.Float](rule *muonRule) *muonPass[T] {
	p := &muonPass[T]{workspace: newWorkspace[T](), rule: rule}
	p.momentum, p.apply = p.momentumRows, p.applyRows
	return p
}

// run does one step on s:
//
//	M = mu M + G
//	O = NewtonSchulz(G + mu M, or M without Nesterov) * scale * sqrt(max(rows, cols))
//	W = (1 - lr decay) W - lr O
func (p *muonPass[T]) run(k kernels[T], s *slot[T], lr, decay float64) {
	p.orthogonal(k, s)
	rate := p.rule.rate(lr, s.rows, s.cols)
	p.keep, p.rate = T(1-lr*decay), T(rate)
	k.rows(s.rows, s.cols, p.apply)
	s.updateSq = rate * rate * sum(p.part)
}

// orthogonal follows the momentum of s and leaves O in x, transposed when s has more rows than columns.
func (p *muonPass[T]) orthogonal(k kernels[T], s *slot[T]) {
	p.grow(s.rows, s.cols)
	p.s = s
	k.rows(s.rows, s.cols, p.momentum)
	p.iterate(k, math.Sqrt(sum(p.part)), p.rule.coef)
}

// momentumRows updates the momentum of the rows [lo, hi) and writes what is to be orthogonalised to y and the sum of
// its squares to part.
func (p *muonPass[T]) momentumRows(lo, hi int) {
	n, mu := p.cols, T(p.rule.mu)
	for i := lo; i < hi; i++ {
		a, b := i*n, (i+1)*n
		p.part[i] = p.vec.Momentum(p.s.m[a:b], p.s.g[a:b], p.y[a:b], mu, p.rule.nesterov)
	}
}

// applyRows decays and updates the rows [lo, hi) and writes the sum of squares of their rows of O to part.
func (p *muonPass[T]) applyRows(lo, hi int) {
	n, o := p.cols, p.x
	if p.rows > p.cols { // x is cols x rows then, and y is free
		o = p.y
		p.vec.Transpose(o[lo*n:hi*n], n, p.x[lo:], p.rows, n, hi-lo)
	}
	for i := lo; i < hi; i++ {
		a, b := i*n, (i+1)*n
		p.part[i] = p.vec.Apply(p.s.w[a:b], o[a:b], p.keep, p.rate)
	}
}
