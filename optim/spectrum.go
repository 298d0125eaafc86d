package optim

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
	"gorgonia.org/tensor"
)

// SingularValues returns the singular values of a matrix of float32 or float64, the largest first, computed in
// float64. It takes the time of about 4 rows*cols*min(rows, cols) multiplications on one thread and allocates: it is an
// instrument to be used now and then.
func SingularValues(d *tensor.Dense) ([]float64, error) {
	if err := checkDense(d); err != nil {
		return nil, fmt.Errorf("optim: matrix to measure %w", err)
	}
	if d.Dims() != 2 {
		return nil, errors.New("optim: singular values are of a matrix; give a tensor with two dimensions")
	}
	rows, cols := rowsCols(d)
	x := make([]float64, 0, rows*cols)
	if d.Dtype() == tensor.Float64 {
		x = append(x, d.Float64s()...)
	} else {
		for _, v := range d.Float32s() {
			x = append(x, float64(v))
		}
	}
	for i, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("optim: element %d of the matrix to measure is %g", i, v)
		}
	}
	var svd mat.SVD
	if !svd.Factorize(mat.NewDense(rows, cols, x), mat.SVDNone) {
		return nil, errors.New("optim: the singular values did not converge")
	}
	return svd.Values(nil), nil
}

// StableRank is the sum of squares of singular values over the largest square: how many directions as strong as the
// strongest the matrix is worth. It is 0 for a matrix of zeros.
func StableRank(singular []float64) float64 {
	var sum, largest float64
	for _, s := range singular {
		sum += s * s
		largest = max(largest, s)
	}
	if largest == 0 {
		return 0
	}
	return sum / (largest * largest)
}

// SpectralEntropy is the entropy of the squared singular values as shares of their sum, over that of equal shares: 1
// where all directions are equally strong, 0 where there is but one (the SVD entropy of Moonlight, arXiv 2502.16982,
// section 3.4). It is 0 for a matrix of zeros and for a single value.
func SpectralEntropy(singular []float64) float64 {
	var sum, h float64
	for _, s := range singular {
		sum += s * s
	}
	if sum == 0 || len(singular) < 2 {
		return 0
	}
	for _, s := range singular {
		if p := s * s / sum; p > 0 {
			h -= p * math.Log(p)
		}
	}
	return h / math.Log(float64(len(singular)))
}
