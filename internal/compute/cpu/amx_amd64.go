//go:build !noasm

package cpu

import "golang.org/x/sys/cpu"

//go:noescape
func amxMultiply(j *amxJob)

//go:noescape
func splitRowsAVX512(dst *uint16, src *float32, lds, rows, depth int) (finite bool)

//go:noescape
func splitPairsAVX512(dst *uint16, step int, src *float32, lds, depth, cols int, marks *float32)

// amx returns the kernels of AMX, or nil where the processor has none or the system does not let them run.
func amx() *amxKernels[float32] {
	x := cpu.X86
	if !x.HasAMXTile || !x.HasAMXBF16 || !x.HasAVX512BW || !amxGranted() {
		return nil
	}
	return &amxKernels[float32]{multiply: amxMultiply, rows: splitRowsAVX512, pairs: splitPairsAVX512}
}
