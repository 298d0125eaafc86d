package optim

import (
	"math"

	"muonclip/internal/compute"
)

// norMuonEps keeps the division by the root of the second moment finite for a row of zeros.
const norMuonEps = 1e-10

// norMuonPass is Muon with a second moment for each neuron, which is a row of the matrix (Li et al., "NorMuon: Making
// Muon more efficient and scalable", arXiv 2510.05491).
type norMuonPass[T compute.Float] struct {
	*muonPass[T]
	factor []T // by row, learning rate included

	squares, scaled func(lo, hi int) // row passes, made once
}

func newNorMuonPass[T compute.Float](rule *muonRule) *norMuonPass[T] {
	p := &norMuonPass[T]{muonPass: newMuonPass[T](rule)}
	p.squares, p.scaled = p.squareRows, p.scaledRows
	return p
}

// run does one step on s, whose second moment v has one element for each row, with Muon's O:
//
//	v = b2 v + (1-b2) mean of O^2 over the row
//	N = O / (sqrt(v) + eps)
//	W = (1 - lr decay) W - lr scale sqrt(rows cols) / |N| N
//
// Under ScaleSpectral the last factor is sqrt(max(1, rows/cols)) |O| / |N| instead, as in the authors' code (normuon.py of zichongli5/NorMuon).
func (p *norMuonPass[T]) run(k kernels[T], s *slot[T], lr, decay float64) {
	p.orthogonal(k, s)
	if cap(p.factor) < s.rows {
		p.factor = make([]T, s.rows)
	}
	p.factor = p.factor[:s.rows]
	k.rows(s.rows, s.cols, p.squares)

	before := sum(p.part) // |O|^2
	b2, cols := p.rule.beta2, float64(s.cols)
	for i, sq := range p.part {
		v := b2*float64(s.v[i]) + (1-b2)*sq/cols
		s.v[i] = T(v)
		f := 1 / (math.Sqrt(v) + norMuonEps)
		p.part[i] = f * f * sq
		p.factor[i] = T(f)
	}
	after := sum(p.part) // |N|^2
	s.updateSq = 0
	rate := 0.0
	if after > 0 {
		size := p.rule.scale * math.Sqrt(float64(s.rows)*cols)
		if p.rule.spectral {
			size = p.rule.rate(1, s.rows, s.cols) * math.Sqrt(before)
		}
		rate = lr * size / math.Sqrt(after)
		s.updateSq = rate * rate * after
	}
	for i := range p.factor {
		p.factor[i] *= T(rate)
	}
	p.keep = T(1 - lr*decay)
	k.rows(s.rows, s.cols, p.scaled)
}

// squareRows sets part of the rows [lo, hi) to the sums of squares of their elements of O, which it first turns back
// where x holds it transposed.
func (p *norMuonPass[T]) squareRows(lo, hi int) {
	n := p.cols
	if p.rows > p.cols {
		p.vec.Transpose(p.y[lo*n:hi*n], n, p.x[lo:], p.rows, n, hi-lo)
	}
	o := p.orthogonalRows()
	for i := lo; i < hi; i++ {
		p.part[i] = sumSquares(o[i*n : (i+1)*n])
	}
}

// orthogonalRows returns O, rows x cols.
func (p *norMuonPass[T]) orthogonalRows() []T {
	if p.rows > p.cols {
		return p.y
	}
	return p.x
}

// scaledRows decays the rows [lo, hi) and subtracts those of O, each times its factor.
func (p *norMuonPass[T]) scaledRows(lo, hi int) {
	n, o := p.cols, p.orthogonalRows()
	for i := lo; i < hi; i++ {
		p.vec.Apply(p.s.w[i*n:(i+1)*n], o[i*n:(i+1)*n], p.keep, p.factor[i])
	}
}
