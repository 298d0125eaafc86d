//go:build !noasm

package cpu

// assemblyTables lists the tables in assembly that this processor can run, without AMX.
func assemblyTables() []kernels[float32] {
	best := fastKernels()
	best.amx = nil
	switch best.name {
	case "avx512": // has AVX2 too
		narrow := best
		narrow.name, narrow.tile, narrow.expSum = "avx2", tile[float32]{mr: 6, nr: 16, mul: gemm6x16AVX2}, expSumAVX2
		narrow.transpose = transposeAVX
		return []kernels[float32]{best, avx2Strips(narrow)}
	case "avx2":
		return []kernels[float32]{best}
	}
	return nil
}
