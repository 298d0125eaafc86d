package cpu

import "muonclip/internal/compute"

// ExpChunk is how many exponentials are added up in the element type.
const ExpChunk = 1024

// Exp is the exponential of whole slices for those who have no backend.
type Exp[T compute.Float] struct{ kern kernels[T] }

// NewExp returns the fastest one for this processor.
func NewExp[T compute.Float]() Exp[T] { return Exp[T]{kernelsFor[T]()} }

// Sums writes dst[i] = exp(src[i]-shift), returns their sum, and appends the sums of every ExpChunk elements to parts. dst and
// src may be the same.
func (e Exp[T]) Sums(dst, src []T, shift T, parts []float64) (float64, []float64) {
	sum := 0.0
	for lo := 0; lo < len(src); lo += ExpChunk {
		hi := min(lo+ExpChunk, len(src))
		part := float64(e.kern.expSum(dst[lo:hi], src[lo:hi], shift))
		sum, parts = sum+part, append(parts, part)
	}
	return sum, parts
}

// Max is the largest element of x, NaN where there is one.
func (e Exp[T]) Max(x []T) T { return e.kern.max(x) }
