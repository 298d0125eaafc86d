package cpu

import "muonclip/internal/compute"

// AddHeads adds the columns of heads; see compute.Backend. The heads of a row are added in their order, by one
// goroutine.
func (b *Backend[T]) AddHeads(dst, src compute.HeadCols[T], rows, heads, width int) {
	b.chunks(rows, rowChunk, func(w *Worker[T], lo, hi int) {
		for i := lo; i < hi; i++ {
			for h := range heads {
				from := src.Data[i*src.Ld+src.Off+h*src.Stride:][:width]
				w.kern.axpy(1, from, dst.Data[i*dst.Ld+dst.Off+h*dst.Stride:][:width])
			}
		}
	})
}
