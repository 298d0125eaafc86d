package cpu

import (
	"testing"

	"muonclip/internal/compute"
	"muonclip/internal/compute/computetest"
)

// backend is a backend with a given table of kernels instead of the fastest one.
func backend[T compute.Float](kern kernels[T], threads int) *Backend[T] {
	b := New[T](threads)
	b.kern = kern
	return b
}

func TestSuite(t *testing.T) {
	t.Run("float64", func(t *testing.T) { computetest.Suite(t, New[float64](2), 2e-14) })
	if !testing.Short() {
		t.Run("float64 one thread", func(t *testing.T) { computetest.Suite(t, New[float64](1), 2e-14) })
	}
	for _, kern := range float32Tables() {
		t.Run("float32 "+kern.label(), func(t *testing.T) { computetest.Suite(t, backend(kern, 3), 4e-6) })
	}
}

// float32Tables lists every table of float32 kernels that this processor can run.
func float32Tables() []kernels[float32] {
	tables := append(assemblyTables(), goKernels[float32]())
	if fastest := kernelsFor[float32](); fastest.amx != nil {
		tables = append(tables, fastest)
	}
	return tables
}
