//go:build !((linux || darwin) && (cgo || openblas))

package bench

import "errors"

// OpenBLAS is the library that the matrix products are compared with. This build cannot load one.
type OpenBLAS struct{ Version string }

// LoadOpenBLAS says how to get a program that can load the library. Without cgo the program is linked statically and
// runs on any Linux; loading a library would tie it to the system's C library, so it must be asked for.
func LoadOpenBLAS(string) (*OpenBLAS, error) {
	return nil, errors.New("bench: this program was built without the means to load OpenBLAS; build it with CGO_ENABLED=1 or -tags openblas, on Linux or macOS")
}

// Threads does nothing.
func (*OpenBLAS) Threads(int) {}

// Settle does nothing.
func (*OpenBLAS) Settle() error { return nil }

// Gemm does nothing.
func (*OpenBLAS) Gemm(_, _ bool, _, _, _ int, _ []float32, _ int, _ []float32, _ int, _ float32, _ []float32, _ int) {
}

// Syrk does nothing.
func (*OpenBLAS) Syrk(_, _ int, _ []float32, _ int, _ float32, _ []float32, _ int) {}
