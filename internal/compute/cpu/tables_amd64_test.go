//go:build !noasm

package cpu

// assemblyTables lists the tables in assembly that this processor can run.
func assemblyTables() []kernels[float32] {
	best := fastKernels()
	switch best.name {
	case "avx512": // has AVX2 too
		narrow := best
		narrow.name, narrow.mr, narrow.nr, narrow.gemm, narrow.expSum = "avx2", 6, 16, gemm6x16AVX2, expSumAVX2
		return []kernels[float32]{best, narrow}
	case "avx2":
		return []kernels[float32]{best}
	}
	return nil
}
