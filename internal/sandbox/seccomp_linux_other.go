//go:build linux && !amd64 && !arm64

package sandbox

// architecture is what the filter must know of the processor: nothing, there is no filter.
var architecture struct {
	audit   uint32
	foreign uint32
	refused []uint32
}
