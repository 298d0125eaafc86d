//go:build !amd64 || noasm

package cpu

// fastKernels has nothing to offer: plain Go serves.
func fastKernels() kernels[float32] { return kernels[float32]{} }
