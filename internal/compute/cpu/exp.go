package cpu

import "muonclip/internal/compute"

// expChunk is how many exponentials are added up in the element type.
const expChunk = 1024

// Exp is the exponential of whole slices for those who have no backend.
type Exp[T compute.Float] struct{ kern kernels[T] }

// NewExp returns the fastest one for this processor.
func NewExp[T compute.Float]() Exp[T] { return Exp[T]{kernelsFor[T]()} }

// Sum writes dst[i] = exp(src[i]-shift) and returns their sum. dst and src may be the same.
func (e Exp[T]) Sum(dst, src []T, shift T) float64 {
	sum := 0.0
	for lo := 0; lo < len(src); lo += expChunk {
		hi := min(lo+expChunk, len(src))
		sum += float64(e.kern.expSum(dst[lo:hi], src[lo:hi], shift))
	}
	return sum
}
