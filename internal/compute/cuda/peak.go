package cuda

import (
	"math/rand/v2"
	"time"
	"unsafe"
)

// Peak measures the rate of a large product of bf16 matrices, in FLOP/s: what a share of the peak is a share of.
func (b *Backend) Peak() float64 {
	const n, rounds = 8192, 30 // the clocks of an idle GPU take a while to rise
	const bytes = 2 * n * n
	a, w, c := b.temp(scratchA, bytes), b.temp(scratchB, bytes), b.temp(scratchC, bytes)
	// Zeros would take less power than numbers do, and be faster.
	r := rand.New(rand.NewPCG(1, 2))
	block := make([]uint16, 1<<16)
	for i := range block {
		block[i] = 0x3f00 | uint16(r.Uint32())&0x80ff
	}
	size := int64(len(block)) * 2
	for _, to := range []uint64{a, w} {
		b.upload(uintptr(to), unsafe.Pointer(&block[0]), size)
		for have := size; have < bytes; have *= 2 {
			b.must("fill memory", b.drv.copy(uintptr(to)+uintptr(have), uintptr(to), have))
		}
	}
	g := gemm{transB: true, m: n, n: n, k: n, batch: 1, alpha: 1, a: uintptr(a), b: uintptr(w), c: uintptr(c), lda: n, ldb: n, ldc: n, in: bf16, out: bf16}
	best := 0.0
	for range rounds {
		b.Sync()
		begun := time.Now()
		b.must("multiply", b.drv.gemm(&g))
		b.Sync()
		best = max(best, 2*n*n*n/time.Since(begun).Seconds())
	}
	b.dropScratch()
	return best
}
