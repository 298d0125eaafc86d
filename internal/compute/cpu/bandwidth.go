package cpu

import (
	"slices"
	"time"
	"unsafe"
)

const (
	readPiece = 1 << 18                // bytes read at a time
	readTime  = 200 * time.Millisecond // how long at least
)

// ReadRate measures how many bytes a second the threads together read from a working set of the given
// size, each its own part from one end to the other and again. It is the sum of the threads' median
// rates over small pieces, so that a thread which is taken off its processor now and then does not
// change it. A set that fits into a cache has the rate of the cache.
func (b *Backend[T]) ReadRate(bytes int) float64 {
	var zero T
	size := int(unsafe.Sizeof(zero))
	piece := readPiece / size
	pieces := max(1, bytes/len(b.workers)/readPiece)
	rates, sums := make([]float64, len(b.workers)), make([]T, len(b.workers))
	b.For(len(b.workers), func(w *Worker[T], i int) {
		data := room[T](new(slab), pieces*piece) // as weights and caches lie
		for j := range data {
			data[j] = 1
		}
		var times []time.Duration
		var sum T
		for begin := time.Now(); len(times) < 2*pieces || time.Since(begin) < readTime; {
			for j := range pieces {
				start := time.Now()
				x := data[j*piece : (j+1)*piece]
				sum += w.kern.dot(x, x)
				times = append(times, time.Since(start))
			}
		}
		sums[i] = sum          // so that nothing is left out
		times = times[pieces:] // the first round fills the caches
		slices.Sort(times)
		rates[i] = readPiece / max(times[len(times)/2], 1).Seconds()
	})
	total := 0.0
	for _, r := range rates {
		total += r
	}
	return total
}
