package optim

import (
	"math"
	"sync"

	"muonclip/internal/compute"
)

// threadedCost is the number of multiplications in X X^T above which one matrix is spread over all workers. Below it
// a matrix belongs to one worker, which keeps it in its cache and needs no synchronisation. It does not depend on
// the number of threads, so that neither does any sum.
const threadedCost = 1 << 27

// muonRule holds what Muon needs besides the matrix (Moonlight, arXiv 2502.16982, section 2.2; Kimi K2, Algorithm 1).
type muonRule struct {
	mu       float64
	nesterov bool
	scale    float64 // update RMS aimed at; 0.2 matches AdamW
	coef     []Coefficients
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
	p.grow(s.rows, s.cols)
	p.s = s
	k.rows(s.rows, s.cols, p.momentum)
	p.iterate(k, math.Sqrt(sum(p.part)), p.rule.coef)
	rate := lr * p.rule.scale * math.Sqrt(float64(max(s.rows, s.cols)))
	p.keep, p.rate = T(1-lr*decay), T(rate)
	k.rows(s.rows, s.cols, p.apply)
	s.updateSq = rate * rate * sum(p.part)
}

// momentumRows updates the momentum of the rows [lo, hi) and writes what is to be orthogonalised to y and the sum of
// its squares to part.
func (p *muonPass[T]) momentumRows(lo, hi int) {
	n, mu := p.cols, T(p.rule.mu)
	for i := lo; i < hi; i++ {
		m, g, y := p.s.m[i*n:(i+1)*n], p.s.g[i*n:(i+1)*n], p.y[i*n:(i+1)*n]
		g, y = g[:len(m)], y[:len(m)]
		if p.rule.nesterov {
			for j, gj := range g {
				mj := mu*m[j] + gj
				m[j] = mj
				y[j] = gj + mu*mj
			}
		} else {
			for j, gj := range g {
				mj := mu*m[j] + gj
				m[j] = mj
				y[j] = mj
			}
		}
		p.part[i] = sumSquares(y)
	}
}

// applyRows decays and updates the rows [lo, hi) and writes the sum of squares of their rows of O to part.
func (p *muonPass[T]) applyRows(lo, hi int) {
	w, n := p.s.w, p.cols
	if p.rows <= p.cols {
		for i := lo; i < hi; i++ {
			o := p.x[i*n : (i+1)*n]
			wi := w[i*n : (i+1)*n][:len(o)]
			for j, v := range o {
				wi[j] = wi[j]*p.keep - p.rate*v
			}
			p.part[i] = sumSquares(o)
		}
		return
	}
	const band = 16 // x is cols x rows here: walk it in bands, as transposeRows does
	for i0 := lo; i0 < hi; i0 += band {
		var sq [band]float64
		i1 := min(i0+band, hi)
		for j := range n {
			at := i0*n + j
			for i, v := range p.x[j*p.rows+i0 : j*p.rows+i1] {
				w[at] = w[at]*p.keep - p.rate*v
				sq[i&(band-1)] += float64(v) * float64(v)
				at += n
			}
		}
		copy(p.part[i0:i1], sq[:])
	}
}

// passes lends a muonPass to each worker that needs one. Which one a matrix gets makes no difference to its result.
type passes[T compute.Float] struct {
	mu   sync.Mutex
	free []*muonPass[T]
}

func (p *passes[T]) get(rule *muonRule) *muonPass[T] {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		last := p.free[n-1]
		p.free = p.free[:n-1]
		return last
	}
	return newMuonPass[T](rule)
}

func (p *passes[T]) put(m *muonPass[T]) {
	p.mu.Lock()
	p.free = append(p.free, m)
	p.mu.Unlock()
}
