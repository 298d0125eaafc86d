package cuda

import (
	"testing"

	"muonclip/internal/compute/computetest"
)

// TestSuite runs every kernel in emulation against the reference of all backends.
func TestSuite(t *testing.T) {
	be, _ := emulated(t, Options{Blocking: true})
	computetest.Suite(t, be, 1e-5)
}
