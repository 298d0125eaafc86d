package cpu

// rowChunk is how many rows a task of a row-wise kernel takes; sums over rows are cut at its
// multiples, whatever the number of threads.
const rowChunk = 64

// Zero clears dst.
func (b *Backend[T]) Zero(dst []T) {
	b.chunks(len(dst), 1<<16, func(_ *Worker[T], lo, hi int) { clear(dst[lo:hi]) })
}

// Add computes dst += src.
func (b *Backend[T]) Add(dst, src []T) {
	b.chunks(len(dst), 1<<14, func(w *Worker[T], lo, hi int) { w.kern.axpy(1, src[lo:hi], dst[lo:hi]) })
}

// Embed copies rows of table: out[i] = table[ids[i]].
func (b *Backend[T]) Embed(out, table []T, ids []int32, width int) {
	b.Gather(out, table, ids, width)
}

// EmbedBackward adds dOut[i] to dTable[ids[i]]. Equal ids add in the order of i: the work is split
// over columns.
func (b *Backend[T]) EmbedBackward(dTable, dOut []T, ids []int32, width int) {
	b.chunks(width, 64, func(w *Worker[T], lo, hi int) {
		for i, id := range ids {
			w.kern.axpy(1, dOut[i*width+lo:i*width+hi], dTable[int(id)*width+lo:int(id)*width+hi])
		}
	})
}

// Gather copies rows: dst[i] = src[rows[i]].
func (b *Backend[T]) Gather(dst, src []T, rows []int32, width int) {
	b.chunks(len(rows), rowChunk, func(_ *Worker[T], lo, hi int) {
		for i := lo; i < hi; i++ {
			copy(dst[i*width:(i+1)*width], src[int(rows[i])*width:][:width])
		}
	})
}

// Combine adds the weighted rows of each token's k slots: dst[t] += sum_j w[t,j] src[slot[t,j]].
func (b *Backend[T]) Combine(dst, src []T, slot []int32, w []T, k, width int) {
	b.chunks(len(slot)/k, rowChunk, func(wk *Worker[T], lo, hi int) {
		for t := lo; t < hi; t++ {
			row := dst[t*width : (t+1)*width]
			for j := t * k; j < (t+1)*k; j++ {
				weight := T(1)
				if w != nil {
					weight = w[j]
				}
				wk.kern.axpy(weight, src[int(slot[j])*width:][:width], row)
			}
		}
	})
}
