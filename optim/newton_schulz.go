package optim

import (
	"errors"
	"fmt"
	"math"

	"gorgonia.org/tensor"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
)

// Coefficients are a, b, c of one iteration X <- aX + b(XX^T)X + c(XX^T)^2 X, which moves every singular value s
// of X to as + bs^3 + cs^5.
type Coefficients [3]float64

// quintic are the coefficients of Keller Jordan's Muon, used by Moonlight (arXiv 2502.16982): steep at zero, and
// stable around one without converging to it.
var quintic = Coefficients{3.4445, -4.7750, 2.0315}

// nsEps keeps the division by the Frobenius norm finite for a zero matrix.
const nsEps = 1e-7

// NewtonSchulz pushes the singular values of a matrix towards one without computing them. Five quintic steps take
// singular values from [0.002, 1] of the largest possible one into [0.68, 1.20]; smaller ones stay smaller.
type NewtonSchulz struct {
	Steps        int            // iterations; 0 means one for each entry of Coefficients, or 5 when that has at most one
	Coefficients []Coefficients // nil means (3.4445, -4.7750, 2.0315); one entry serves all steps; else one for each step
	Set          string         // name of CoefficientSets, in place of Coefficients: the first Steps of them, the last repeated
}

// schedule returns the coefficients of every step.
func (ns NewtonSchulz) schedule() ([]Coefficients, error) {
	steps := ns.Steps
	if steps < 0 {
		return nil, fmt.Errorf("optim: Newton-Schulz steps is %d, want 0 (the default) or more", steps)
	}
	if ns.Set != "" {
		return ns.named()
	}
	if steps == 0 {
		steps = 5
		if len(ns.Coefficients) > 1 {
			steps = len(ns.Coefficients)
		}
	}
	if n := len(ns.Coefficients); n > 1 && n != steps {
		return nil, fmt.Errorf("optim: Newton-Schulz has %d steps but coefficients for %d; give one set, or one for each step", steps, n)
	}
	out := make([]Coefficients, steps)
	for i := range out {
		switch len(ns.Coefficients) {
		case 0:
			out[i] = quintic
		case 1:
			out[i] = ns.Coefficients[0]
		default:
			out[i] = ns.Coefficients[i]
		}
		for _, c := range out[i] {
			if math.IsNaN(c) || math.IsInf(c, 0) {
				return nil, fmt.Errorf("optim: Newton-Schulz coefficients of step %d are %v, want finite numbers", i, out[i])
			}
		}
	}
	return out, nil
}

// Orthogonalize returns the Newton-Schulz iterate of g, a matrix of float32 or float64 of any orientation, in a new
// tensor. It is meant for experiments and tests: Optimizer does the same without allocating.
func (ns NewtonSchulz) Orthogonalize(g *tensor.Dense) (*tensor.Dense, error) {
	if err := checkDense(g); err != nil {
		return nil, fmt.Errorf("optim: matrix to orthogonalise %w", err)
	}
	if g.Dims() != 2 {
		return nil, errors.New("optim: Newton-Schulz needs a matrix; give a tensor with two dimensions")
	}
	coef, err := ns.schedule()
	if err != nil {
		return nil, err
	}
	if g.Dtype() == tensor.Float32 {
		return orthogonalize[float32](g, coef), nil
	}
	return orthogonalize[float64](g, coef), nil
}

func orthogonalize[T compute.Float](g *tensor.Dense, coef []Coefficients) *tensor.Dense {
	rows, cols := rowsCols(g)
	k := threaded[T]{cpu.New[T](0)}
	ws := newWorkspace[T]()
	ws.grow(rows, cols)
	copy(ws.y, elems[T](g))
	out := make([]T, rows*cols)
	ws.iterate(k, frobenius(ws.y, ws.part, rows, cols), coef)
	if rows > cols {
		ws.vec.Transpose(out, cols, ws.x, rows, cols, rows)
	} else {
		copy(out, ws.x)
	}
	return wrap(out, rows, cols)
}

// frobenius returns the norm of the rows x cols matrix x, summed row by row.
func frobenius[T compute.Float](x []T, part []float64, rows, cols int) float64 {
	for i := range rows {
		part[i] = sumSquares(x[i*cols : (i+1)*cols])
	}
	return math.Sqrt(sum(part[:rows]))
}

// kernels are the matrix products on one worker, for many small matrices at a time, or on all of them, for one
// large matrix.
type kernels[T compute.Float] interface {
	Gemm(transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int)
	Syrk(n, k int, alpha T, x []T, ldx int, beta T, c []T, ldc int)
	Square(n int, alpha T, a []T, beta T, c []T, ld int)
	rows(n, width int, f func(lo, hi int)) // calls f on blocks of rows that together are [0, n)
}

type serial[T compute.Float] struct{ *cpu.Worker[T] }

func (serial[T]) rows(n, _ int, f func(lo, hi int)) { f(0, n) }

type threaded[T compute.Float] struct{ *cpu.Backend[T] }

func (t threaded[T]) rows(n, width int, f func(lo, hi int)) {
	step := max(1, blockLen/max(1, width))
	t.For((n+step-1)/step, func(_ *cpu.Worker[T], i int) { f(i*step, min(n, (i+1)*step)) })
}

// workspace is the memory of one Newton-Schulz iteration, reused from matrix to matrix. With m and n the shorter and
// the longer side, its iterate is always m x n: X X^T of the short side makes all products but the last symmetric,
// so they cost half, which is worth far more than transposing a tall matrix on the way in and out.
type workspace[T compute.Float] struct {
	rows, cols int       // shape of the matrix in hand
	x, y       []T       // iterate and next iterate; y holds the rows x cols input at first
	a, b       []T       // m x m: X X^T and the polynomial in it
	part       []float64 // one sum for each row
	scale      T         // factor of the input
	vec        cpu.Updates[T]

	load func(lo, hi int) // a row pass as a function value, made once, since making one allocates
}

func newWorkspace[T compute.Float]() *workspace[T] {
	ws := &workspace[T]{vec: cpu.UpdatesFor[T]()}
	ws.load = ws.loadRows
	return ws
}

// grow makes room for a rows x cols matrix and makes it the one in hand.
func (ws *workspace[T]) grow(rows, cols int) {
	n, m := rows*cols, min(rows, cols)
	if cap(ws.x) < n {
		ws.x, ws.y = make([]T, n), make([]T, n)
	}
	if cap(ws.a) < m*m {
		ws.a, ws.b = make([]T, m*m), make([]T, m*m)
	}
	if cap(ws.part) < rows {
		ws.part = make([]float64, rows)
	}
	ws.rows, ws.cols = rows, cols
	ws.x, ws.y, ws.a, ws.b, ws.part = ws.x[:n], ws.y[:n], ws.a[:m*m], ws.b[:m*m], ws.part[:rows]
}

// iterate runs Newton-Schulz on the matrix in ws.y, whose Frobenius norm is given, and leaves the result in ws.x,
// transposed when the matrix has more rows than columns.
func (ws *workspace[T]) iterate(k kernels[T], norm float64, coef []Coefficients) {
	m, n := min(ws.rows, ws.cols), max(ws.rows, ws.cols)
	ws.scale = T(1 / (norm + nsEps))
	k.rows(ws.rows, ws.cols, ws.load)
	for _, c := range coef {
		k.Syrk(m, n, 1, ws.x, n, 0, ws.a, m)         // A = X X^T
		k.Square(m, T(c[2]), ws.a, T(c[1]), ws.b, m) // B = bA + cAA
		for i := range m {
			ws.b[i*m+i] += T(c[0]) // (aI + B)X saves the pass that would add aX
		}
		k.Gemm(false, false, m, n, m, 1, ws.b, m, ws.x, n, 0, ws.y, n)
		ws.x, ws.y = ws.y, ws.x
	}
}

// loadRows sets x to the rows [lo, hi) of y times scale, transposed when the matrix is tall.
func (ws *workspace[T]) loadRows(lo, hi int) {
	y := ws.y[lo*ws.cols : hi*ws.cols]
	if ws.rows > ws.cols {
		ws.vec.Scale(y, y, ws.scale)
		ws.vec.Transpose(ws.x[lo:], ws.rows, y, ws.cols, hi-lo, ws.cols)
		return
	}
	ws.vec.Scale(ws.x[lo*ws.cols:hi*ws.cols], y, ws.scale)
}
