package cuda

import "time"

// ReadRate measures the bytes a second that the memory gives and takes together, by copies from one half of a set of so many
// bytes to the other. A set that the caches would hold is measured as a larger one. As Peak, it is for the time before the
// first step: graphs go on using the scratch memory that they were recorded with, and here it is freed.
func (b *Backend) ReadRate(bytes int) float64 {
	const least, most = 256 << 20, 1 << 30
	const rounds, copies = 5, 8 // a wait is long beside one copy
	half := min(max(bytes, least), most) / 2
	src, dst := uintptr(b.temp(scratchA, half)), uintptr(b.temp(scratchB, half))
	best := 0.0
	for range rounds {
		b.Sync()
		begun := time.Now()
		for range copies {
			b.must("copy", b.drv.copy(dst, src, int64(half)))
		}
		b.Sync()
		best = max(best, float64(2*half*copies)/time.Since(begun).Seconds())
	}
	b.dropScratch()
	return best
}

// dropScratch frees scratch memory that a measurement made larger than training needs it.
func (b *Backend) dropScratch() {
	for i := range b.scratch {
		b.release(b.scratch[i])
		b.scratch[i] = span{}
	}
}

// Occupied is how many bytes of the GPU's memory are taken, by the driver's word: by this program, by the driver for it, and
// by other programs.
func (b *Backend) Occupied() int64 {
	b.check()
	free, total, err := b.drv.memory()
	b.must("ask for the GPU's free memory", err)
	return total - free
}
